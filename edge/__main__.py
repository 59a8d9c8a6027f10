"""One edge process: builds its parts once, serves until a signal, then ships what it has."""

import asyncio
import logging
import secrets
import socket
import sys
import time
from functools import partial
from pathlib import Path

from edge.app import edge_app
from edge.clickhouse_loader import ClickHouseLoader
from edge.lane_runner import LaneRunner
from edge.lookup_stats import LookupStats
from edge.memory import EdgeMemory
from edge.metrics import ClickCollector, LookupCollector, TapCollector
from edge.overload import TurnedAway
from edge.recorder import MAX_UNSPOOLED_BYTES, Recorder
from edge.redirect import Redirector
from edge.redis_wire import RedisWire
from edge.resolver import Resolver
from edge.scan_limit import ScanLimit
from edge.settings import Settings
from edge.spool import SEGMENT_BYTES, Spool
from edge.tap_stats import TapStats
from edge.visit import VisitFrom, visit_reader
from records.address import AddressCipher
from records.code import CodeCipher
from records.keys import TRACKED_PREFIXES, lane_name
from records.own_visit import OwnVisits
from runtime.admission import Look, lasting_trouble_of_redis, refused_by_clickhouse, until_admitted
from runtime.clickhouse import ClickHouse
from runtime.code_key import check_code_key, check_code_key_in_time
from runtime.guard.guard import Guard, Shortcut, most_connections
from runtime.metrics import registry_of
from runtime.process import run
from runtime.serve import HttpServer, Readiness, inherited_as_set, listen_as_set, ops_app, stop_signal, waiting

FIRST_CONNECT_S = 0.5
TABLES_READ = ("links", "mints", "broadcasts", "domains")
MAX_BODY_BYTES = 64 * 1024  # nobody reads them

log = logging.getLogger(__name__)


async def serve(
    settings: Settings, *, segment_bytes: int = SEGMENT_BYTES, max_unspooled_bytes: int = MAX_UNSPOOLED_BYTES
) -> None:
    """Serve taps until SIGTERM or SIGINT; raises SettingsError when a port cannot be had, OSError for the spool.

    A SettingsError, at the start or when ClickHouse comes back, also for a code key that made none of the links.
    """
    await check_code_key_in_time(settings.clickhouse_url, settings.code_key)
    public = _listener(settings)
    ops = listen_as_set(settings.ops_host, settings.ops_port, "OPS_PORT")
    spool_dir = Path(settings.spool_dir)
    spool = _spool_in(spool_dir, segment_bytes)

    memory = EdgeMemory(asyncio.get_running_loop().time)
    lookups_wire = RedisWire(settings.redis_url, tracked=TRACKED_PREFIXES, listener=memory)
    clicks_wire = RedisWire(settings.clicks_redis_url, timeout_s=5.0)
    clickhouse = ClickHouse(settings.clickhouse_url, timeout_s=3.0)
    scans = ScanLimit(settings.unknown_per_minute)
    lookup_stats = LookupStats()
    loader = ClickHouseLoader(clickhouse, lookup_stats)
    resolver = Resolver(memory, lookups_wire, loader, CodeCipher(settings.code_key), scans, lookup_stats)
    news = asyncio.Event()
    recorder = Recorder(spool, AddressCipher(settings.code_key), settings.edge_id, max_unspooled_bytes, news.set)
    lanes = LaneRunner(clicks_wire, spool_dir, spool, recorder, settings.edge_id, news)
    tap_stats = TapStats()
    redirector = Redirector(resolver, recorder, tap_stats, scans)
    own_visits = OwnVisits(settings.code_key)
    visit_from = visit_reader(
        settings.trusted_proxies,
        settings.forwarded_header,
        is_own=lambda code, mark: own_visits.holds(code, mark, time.time_ns() // 1_000_000),
    )

    has_clicks_redis = settings.clicks_redis_url != settings.redis_url
    readiness = Readiness(
        lambda: [
            *([] if lookups_wire.connected else ["redis: not connected"]),
            *(["clicks redis: not connected"] if has_clicks_redis and not clicks_wire.connected else []),
            *(["clickhouse: it does not answer, and is not asked for the moment"] if loader.breaker.is_open else []),
            *(["spool: the disk takes nothing, clicks wait in memory"] if recorder.unspooled_bytes else []),
        ]
    )
    guard = Guard(
        most_connections(),
        shortcut=_fast_path(redirector, visit_from) if settings.fast_path == "on" else None,
        turned_away=TurnedAway(tap_stats),
        max_body_bytes=MAX_BODY_BYTES,
    )
    registry = registry_of(
        "edge",
        TapCollector(tap_stats, guard, lambda: waiting(public)),
        LookupCollector(lookup_stats, lookups_wire, loader),
        ClickCollector(recorder, lanes.shippers, settings.spool_dir),
    )
    server = HttpServer(edge_app(redirector, resolver, visit_from), public, guard=guard)
    ops_server = HttpServer(ops_app(registry, readiness), ops, grace_s=1)

    async with clickhouse, asyncio.TaskGroup() as running:
        background = [
            running.create_task(work)
            for work in (
                lookups_wire.keep_connected(),
                clicks_wire.keep_connected(),
                lanes.run(),
                check_code_key(settings.clickhouse_url, settings.code_key),
            )
        ]
        serving_ops = running.create_task(ops_server.run_until_stopped())
        # Taps that wait already would be ClickHouse's alone, and nobody's while that is away. Without Redis it serves.
        await lookups_wire.wait_connected(longest_s=FIRST_CONNECT_S)
        serving = running.create_task(server.run_until_stopped())
        admitting = running.create_task(_admit(settings, (lookups_wire, clicks_wire), clickhouse, readiness))
        log.info("serving: the edge takes taps", extra={"port": public.getsockname()[1], "lane": lane_name(spool.lane)})
        name = await stop_signal()
        admitting.cancel()
        readiness.ready = False
        log.info("stopping: draining", extra={"signal": name})
        server.stop()
        await serving
        await lanes.drain(settings.drain_s)
        ops_server.stop()
        await serving_ops
        for task in background:
            task.cancel()


async def _admit(
    settings: Settings, wires: tuple[RedisWire, RedisWire], clickhouse: ClickHouse, readiness: Readiness
) -> None:
    """Taps are served meanwhile: what Redis knows needs no ClickHouse, and the other way round."""
    lookups_wire, clicks_wire = wires
    looks: dict[str, Look] = {
        "TAPTRAIL_REDIS_URL": partial(_refused_by, lookups_wire),
        "TAPTRAIL_CLICKHOUSE_URL": partial(refused_by_clickhouse, clickhouse, TABLES_READ),
    }
    if settings.clicks_redis_url != settings.redis_url:
        looks["TAPTRAIL_CLICKS_REDIS_URL"] = partial(_refused_by, clicks_wire)
    await until_admitted(looks, readiness)
    log.info("ready: no store refuses the edge")


async def _refused_by(wire: RedisWire) -> str:
    return lasting_trouble_of_redis(wire.trouble) if wire.trouble else ""


def _fast_path(redirector: Redirector, visit_from: VisitFrom) -> Shortcut:
    from edge.fast.shortcut import TapShortcut  # noqa: PLC0415 - where it is off, the edge does without the folder

    return TapShortcut(redirector, visit_from)


def _listener(settings: Settings) -> socket.socket:
    if settings.listen_fd:
        return inherited_as_set(settings.listen_fd)
    return listen_as_set(settings.host, settings.port, "PORT", shared=True)


def _spool_in(spool_dir: Path, segment_bytes: int) -> Spool:
    try:
        return Spool.create(spool_dir, secrets.randbits(64), segment_bytes)
    except OSError as error:
        why = f"TAPTRAIL_SPOOL_DIR={spool_dir}: {error.strerror}; expected a directory that can be written"
        raise OSError(error.errno, why) from error


def main() -> int:
    return run("edge", Settings, serve)


if __name__ == "__main__":
    sys.exit(main())
