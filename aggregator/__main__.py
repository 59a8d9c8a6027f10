"""One aggregator process: moves clicks from the streams into ClickHouse until a signal."""

import asyncio
import logging
import sys
from functools import partial

from aggregator.assembly import stores_in
from aggregator.parts import AggregatorParts, StoresOf
from aggregator.settings import Settings
from runtime.admission import until_admitted
from runtime.clickhouse import ClickHouseRefused
from runtime.guard.budget import OF_PROCESS
from runtime.metrics import registry_of
from runtime.process import run
from runtime.serve import HttpServer, Readiness, listen_as_set, ops_app, stop_signal
from visitors.geo import GeoError

STOP_S = 15.0

log = logging.getLogger(__name__)


async def serve(settings: Settings, stores_of: StoresOf = stores_in) -> None:
    """Move clicks until SIGTERM or SIGINT. stores_of: of an aggregator of that name."""
    ops = listen_as_set(settings.ops_host, settings.ops_port, "OPS_PORT")
    parts = AggregatorParts(settings, stores_of)
    await parts.prepare_tables()
    OF_PROCESS.allow(settings.held_mib)
    readiness = Readiness(parts.health.degraded)
    ops_server = HttpServer(ops_app(registry_of("aggregator", parts.collector), readiness), ops, grace_s=1)

    async with asyncio.TaskGroup() as running:
        background = [running.create_task(work) for work in parts.background()]
        moving = running.create_task(parts.aggregator.pipeline.run())
        running.create_task(ops_server.run_until_stopped())
        admitting = running.create_task(_admit(parts, readiness))
        log.info("stopping: finishing the batch in hand", extra={"signal": await stop_signal()})
        admitting.cancel()
        readiness.ready = False
        parts.aggregator.stop()
        await asyncio.wait({moving}, timeout=STOP_S)
        moving.cancel()  # ClickHouse is away: the next owner looks up what was in flight
        for task in background:
            task.cancel()
        ops_server.stop()
    await parts.close()


async def _admit(parts: AggregatorParts, readiness: Readiness) -> None:
    await until_admitted(parts.admission_looks(), readiness)
    log.info("ready: moving clicks", extra={"owner": parts.owner})


def main(stores_of: StoresOf = stores_in) -> int:
    return run(
        "aggregator", Settings, partial(serve, stores_of=stores_of), hindrances=(OSError, GeoError, ClickHouseRefused)
    )


if __name__ == "__main__":
    sys.exit(main())
