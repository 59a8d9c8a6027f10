"""The parts of an aggregator process and how they are joined; nothing runs yet."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

from redis.asyncio import Redis

from aggregator.assembly import Aggregator
from aggregator.auditor import Auditor
from aggregator.enrich import Enricher
from aggregator.erased import ErasedLinks
from aggregator.erasures import Erasures
from aggregator.expiry import Expiry
from aggregator.geo_files import GeoFiles
from aggregator.insertable import EnrichedRows
from aggregator.metrics import AggregatorCollector, Beside
from aggregator.migrate import migrate
from aggregator.neighbours import Neighbours
from aggregator.retention import keep_agents
from aggregator.salts import Salts
from aggregator.scans_seen import ScansSeen
from aggregator.settings import Settings
from aggregator.stores import AggregatorStores
from records.address import AddressCipher
from runtime.admission import Look, refused_by_clickhouse
from runtime.clickhouse import ClickHouse, wait_for_clickhouse
from runtime.clock import SystemClock
from runtime.redis_client import redis_client, refused_by_redis
from runtime.store_health import Stores
from visitors.devices import Devices

CLICKHOUSE_AWAITED_S = 3600.0
REGRADE_TIMEOUT_S = 3600.0  # of a statement that rewrites a month of clicks

log = logging.getLogger(__name__)

StoresOf = Callable[[Redis, ClickHouse, str], AggregatorStores]


class AggregatorParts:
    """Those of an aggregator process. stores_of: of an aggregator of that name. Raises GeoError."""

    def __init__(self, settings: Settings, stores_of: StoresOf) -> None:
        self._settings = settings
        self.owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        geo = GeoFiles(settings.geo_city_db, settings.geo_asn_db)
        # No call is sent again: a repeated XREADGROUP reads what comes next, and what the lost answer held stays
        # pending until it is trimmed with the entries after it. The pipeline recovers the lanes instead.
        self._redis = redis_client(settings.clicks_redis_url, timeout_s=10, connect_timeout_s=2, reconnects=0)
        self._clickhouse = ClickHouse(settings.clickhouse_url, timeout_s=60)
        self._slow_clickhouse = ClickHouse(settings.clickhouse_url, timeout_s=REGRADE_TIMEOUT_S)

        scans, erased = ScansSeen(), ErasedLinks(self._clickhouse)
        enricher = Enricher(AddressCipher(settings.code_key), Devices(), geo, scans)
        stores = stores_of(self._redis, self._clickhouse, self.owner)
        row_maker = EnrichedRows(enricher, Salts(self._redis), erased)
        self.aggregator = Aggregator(stores, row_maker, SystemClock(), self.owner)

        auditor = Auditor(self._redis, self._clickhouse)
        neighbours = Neighbours(self._slow_clickhouse, scans, time.time)
        erasures = Erasures(self._slow_clickhouse, self._redis, erased=erased)
        self._beside = Beside(auditor, neighbours, enricher, geo, erasures)
        self.health = Stores({"redis": self._redis.ping, "clickhouse": self._clickhouse.ping})
        self.collector = AggregatorCollector(self.aggregator, self._beside)

    async def prepare_tables(self) -> None:
        """Wait for ClickHouse, then bring its tables up to date."""
        await wait_for_clickhouse(self._clickhouse, give_up_after_s=CLICKHOUSE_AWAITED_S)
        for name in await migrate(self._clickhouse):
            log.info("schema_migrated: applied a migration", extra={"file": name})
        months = self._settings.keep_agents_months
        if await keep_agents(self._clickhouse, months):
            log.info("retention_changed: of agents", extra={"months": months})

    def background(self) -> Iterator[Coroutine[None, None, None]]:
        """What runs beside the moving of clicks, until it is cancelled."""
        yield self.aggregator.leases.keep_renewing()
        yield self.health.watch()
        yield self._beside.auditor.run()
        yield self._beside.geo.run()
        yield self._beside.neighbours.run(self._settings.regrade_every_s)
        yield self._beside.erasures.run()
        yield Expiry(self._slow_clickhouse, self._settings.keep_contacts_months).run()

    def admission_looks(self) -> dict[str, Look]:
        """By setting, what tells whether its store refuses this aggregator."""
        refused = partial(refused_by_clickhouse, self._clickhouse, ("clicks",), writes=True)
        return {
            "TAPTRAIL_CLICKS_REDIS_URL": partial(refused_by_redis, self._redis),  # or TAPTRAIL_REDIS_URL, if set alone
            "TAPTRAIL_CLICKHOUSE_URL": refused,
        }

    async def close(self) -> None:
        await self._redis.aclose()
        await self._clickhouse.close()
        await self._slow_clickhouse.close()
