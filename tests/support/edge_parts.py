"""The parts of edge/parts.py that a tap goes through, in the test's own event loop."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from edge.clickhouse_loader import ClickHouseLoader
from edge.lookup_stats import LookupStats
from edge.memory import EdgeMemory
from edge.recorder import Recorder
from edge.redirect import MAX_IN_FLIGHT, Redirector
from edge.redis_wire import RedisWire
from edge.resolver import Resolver
from edge.scan_limit import ScanLimit
from edge.spool import Spool
from edge.tap_stats import TapStats
from edge.walker import Walker
from records.address import AddressCipher
from records.code import CodeCipher
from records.keys import TRACKED_PREFIXES
from runtime.clickhouse import ClickHouse
from tests.support.edge import CODE_KEY


class EdgeParts(NamedTuple):
    redirector: Redirector
    walker: Walker
    tap_stats: TapStats


@asynccontextmanager
async def edge_parts(
    redis_url: str, clickhouse_url: str, folder: Path, *, max_in_flight: int = MAX_IN_FLIGHT
) -> AsyncIterator[EdgeParts]:
    memory = EdgeMemory(asyncio.get_running_loop().time)
    wire = RedisWire(redis_url, tracked=TRACKED_PREFIXES, listener=memory)
    scans, lookup_stats, tap_stats = ScanLimit(300), LookupStats(), TapStats()
    recorder = Recorder(Spool.create(folder / "spool", secrets.randbits(64)), AddressCipher(CODE_KEY), "edge-1")
    async with ClickHouse(clickhouse_url, timeout_s=3.0) as clickhouse:
        loader = ClickHouseLoader(clickhouse, lookup_stats)
        resolver = Resolver(memory, wire, CodeCipher(CODE_KEY), lookup_stats)
        walker = Walker(memory, wire, loader, CodeCipher(CODE_KEY), scans, lookup_stats)
        connecting = asyncio.create_task(wire.keep_connected())
        await wire.wait_connected(10)
        try:
            redirector = Redirector(resolver, walker, recorder, tap_stats, scans, max_in_flight=max_in_flight)
            yield EdgeParts(redirector, walker, tap_stats)
        finally:
            connecting.cancel()
