"""One aggregator process: moves clicks from the streams into ClickHouse until a signal."""

import asyncio
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from functools import partial

from redis.asyncio import Redis

from aggregator.assembly import Aggregator, stores_in
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
from runtime.admission import Look, refused_by_clickhouse, until_admitted
from runtime.clickhouse import ClickHouse, ClickHouseRefused, wait_for_clickhouse
from runtime.clock import SystemClock
from runtime.guard.budget import OF_PROCESS
from runtime.metrics import registry_of
from runtime.process import run
from runtime.redis_client import redis_client, refused_by_redis
from runtime.serve import HttpServer, Readiness, listen_as_set, ops_app, stop_signal
from runtime.store_health import Stores
from visitors.devices import Devices
from visitors.geo import GeoError

STOP_S = 15.0
REGRADE_TIMEOUT_S = 3600.0  # of a statement that rewrites a month of clicks

log = logging.getLogger(__name__)


StoresOf = Callable[[Redis, ClickHouse, str], AggregatorStores]


async def serve(settings: Settings, stores_of: StoresOf = stores_in) -> None:
    """Move clicks until SIGTERM or SIGINT. stores_of: of an aggregator of that name."""
    ops = listen_as_set(settings.ops_host, settings.ops_port, "OPS_PORT")
    geo = GeoFiles(settings.geo_city_db, settings.geo_asn_db)
    # No call is sent again: a repeated XREADGROUP reads what comes next, and what the lost answer held stays pending
    # until it is trimmed with the entries after it. The pipeline recovers the lanes instead.
    client = redis_client(settings.clicks_redis_url, timeout_s=10, connect_timeout_s=2, reconnects=0)
    clickhouse = ClickHouse(settings.clickhouse_url, timeout_s=60)
    slow_clickhouse = ClickHouse(settings.clickhouse_url, timeout_s=REGRADE_TIMEOUT_S)
    await wait_for_clickhouse(clickhouse, give_up_after_s=3600)
    for name in await migrate(clickhouse):
        log.info("schema_migrated: applied a migration", extra={"file": name})

    if await keep_agents(clickhouse, settings.keep_agents_months):
        log.info("retention_changed: of agents", extra={"months": settings.keep_agents_months})

    owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    scans = ScansSeen()
    enricher = Enricher(AddressCipher(settings.code_key), Devices(), geo, scans)
    stores = stores_of(client, clickhouse, owner)
    erased = ErasedLinks(clickhouse)
    aggregator = Aggregator(stores, EnrichedRows(enricher, Salts(client), erased), SystemClock(), owner)
    auditor = Auditor(client, clickhouse)
    neighbours = Neighbours(slow_clickhouse, scans, time.time)
    erasures = Erasures(slow_clickhouse, client, erased=erased)

    health = Stores({"redis": client.ping, "clickhouse": clickhouse.ping})
    readiness = Readiness(health.degraded)
    collector = AggregatorCollector(aggregator, Beside(auditor, neighbours, enricher, geo, erasures))
    registry = registry_of("aggregator", collector)
    OF_PROCESS.allow(settings.held_mib)
    ops_server = HttpServer(ops_app(registry, readiness), ops, grace_s=1)
    async with asyncio.TaskGroup() as running:
        work = (
            aggregator.leases.keep_renewing(), auditor.run(), health.watch(), neighbours.run(settings.regrade_every_s),
            geo.run(), erasures.run(), Expiry(slow_clickhouse, settings.keep_contacts_months).run(),
        )  # fmt: skip
        background = [running.create_task(task) for task in work]
        moving = running.create_task(aggregator.pipeline.run())
        running.create_task(ops_server.run_until_stopped())
        admitting = running.create_task(_admit(client, clickhouse, readiness, owner))
        log.info("stopping: finishing the batch in hand", extra={"signal": await stop_signal()})
        admitting.cancel()
        readiness.ready = False
        aggregator.stop()
        await asyncio.wait({moving}, timeout=STOP_S)
        moving.cancel()  # ClickHouse is away: the next owner looks up what was in flight
        for task in background:
            task.cancel()
        ops_server.stop()
    await client.aclose()
    await clickhouse.close()
    await slow_clickhouse.close()


async def _admit(client: Redis, clickhouse: ClickHouse, readiness: Readiness, owner: str) -> None:
    looks: dict[str, Look] = {
        "TAPTRAIL_CLICKS_REDIS_URL": partial(refused_by_redis, client),  # or TAPTRAIL_REDIS_URL, where it alone is set
        "TAPTRAIL_CLICKHOUSE_URL": partial(refused_by_clickhouse, clickhouse, ("clicks",), writes=True),
    }
    await until_admitted(looks, readiness)
    log.info("ready: moving clicks", extra={"owner": owner})


def main(stores_of: StoresOf = stores_in) -> int:
    return run(
        "aggregator", Settings, partial(serve, stores_of=stores_of), hindrances=(OSError, GeoError, ClickHouseRefused)
    )


if __name__ == "__main__":
    sys.exit(main())
