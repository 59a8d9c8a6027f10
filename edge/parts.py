"""The parts of an edge process and how they are joined; nothing runs yet."""

import asyncio
import secrets
from functools import partial
from pathlib import Path

from edge.clickhouse_loader import ClickHouseLoader
from edge.lane_runner import LaneRunner
from edge.lookup_stats import LookupStats
from edge.memory import EdgeMemory
from edge.recorder import Recorder
from edge.redirect import Redirector
from edge.redis_wire import RedisWire
from edge.registered_names import RegisteredNames
from edge.resolver import Resolver
from edge.scan_limit import ScanLimit
from edge.settings import Settings
from edge.spool import Spool
from edge.tap_stats import TapStats
from edge.visit import VisitFrom, visit_reader
from edge.walker import Walker
from records.address import AddressCipher
from records.code import CodeCipher
from records.keys import TRACKED_PREFIXES
from records.own_visit import PROOF_PATH, OwnVisits
from runtime.admission import Look, lasting_trouble_of_redis, refused_by_clickhouse
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms
from runtime.guard.budget import MIB

TABLES_READ = ("links", "taptrail_internal.mints", "broadcasts", "domains")


class EdgeParts:
    """One of an edge process; wants a running event loop. Raises OSError for the spool."""

    def __init__(self, settings: Settings, *, segment_bytes: int, max_unspooled_bytes: int) -> None:
        self._has_clicks_redis = settings.clicks_redis_url != settings.redis_url
        self.spool = _spool_in(Path(settings.spool_dir), segment_bytes)
        self.clickhouse = ClickHouse(settings.clickhouse_url, timeout_s=3.0)

        memory = EdgeMemory(asyncio.get_running_loop().time, settings.link_memory * MIB)
        self.blocks = memory.blocks
        self.lookups_wire = RedisWire(settings.redis_url, tracked=TRACKED_PREFIXES, listener=memory)
        self.lookup_stats = LookupStats()
        self.loader = ClickHouseLoader(self.clickhouse, self.lookup_stats)
        scans = ScanLimit(settings.unknown_per_minute)
        codes = CodeCipher(settings.code_key)
        resolver = Resolver(memory, self.lookups_wire, codes, self.lookup_stats)
        self.walker = Walker(memory, self.lookups_wire, self.loader, codes, scans, self.lookup_stats)

        self.names = RegisteredNames(self.walker, self.clickhouse)

        self.clicks_wire = RedisWire(settings.clicks_redis_url, timeout_s=5.0)
        news = asyncio.Event()
        addresses = AddressCipher(settings.code_key)
        self.recorder = Recorder(self.spool, addresses, settings.edge_id, max_unspooled_bytes, news.set)
        self.lanes = LaneRunner(
            self.clicks_wire, Path(settings.spool_dir), self.spool, self.recorder, settings.edge_id, news
        )

        self.tap_stats = TapStats()
        self.redirector = Redirector(resolver, self.walker, self.recorder, self.tap_stats, scans)
        self.visit_from = _visit_reader(settings)
        self.prove = partial(_proof, OwnVisits(settings.code_key))

    def troubles(self) -> list[str]:
        """Why the edge is not ready, once it was admitted: a line for each part that does not do its work."""
        lines = {
            "redis: not connected": not self.lookups_wire.connected,
            "clicks redis: not connected": self._has_clicks_redis and not self.clicks_wire.connected,
            "clickhouse: it does not answer, and is not asked for the moment": self.loader.breaker.is_open,
            "spool: the disk takes nothing, clicks wait in memory": self.recorder.unspooled_bytes > 0,
        }
        return [line for line, is_so in lines.items() if is_so]

    def admission_looks(self) -> dict[str, Look]:
        """By setting, what tells whether its store refuses this edge."""
        looks: dict[str, Look] = {
            "TAPTRAIL_REDIS_URL": partial(_refused_by, self.lookups_wire),
            "TAPTRAIL_CLICKHOUSE_URL": partial(refused_by_clickhouse, self.clickhouse, TABLES_READ),
        }
        if self._has_clicks_redis:
            looks["TAPTRAIL_CLICKS_REDIS_URL"] = partial(_refused_by, self.clicks_wire)
        return looks


def _visit_reader(settings: Settings) -> VisitFrom:
    own_visits = OwnVisits(settings.code_key)
    return visit_reader(
        settings.trusted_proxies,
        settings.forwarded_header,
        is_own=lambda code, mark: own_visits.holds(code, mark, unix_ms()),
    )


def _proof(own_visits: OwnVisits, short_domain: str, mark: str) -> str:
    """ "" for a mark that control did not make for this domain."""
    is_asked = own_visits.holds(short_domain + PROOF_PATH, mark, unix_ms())
    return own_visits.proof(short_domain, mark) if is_asked else ""


async def _refused_by(wire: RedisWire) -> str:
    return lasting_trouble_of_redis(wire.trouble) if wire.trouble else ""


def _spool_in(spool_dir: Path, segment_bytes: int) -> Spool:
    try:
        return Spool.create(spool_dir, secrets.randbits(64), segment_bytes)
    except OSError as error:
        why = f"TAPTRAIL_SPOOL_DIR={spool_dir}: {error.strerror}; expected a directory that can be written"
        raise OSError(error.errno, why) from error
