"""One aggregator's parts on real stores, and the frames that it moves."""

import secrets

import msgspec

import aggregator.assembly
from aggregator.assembly import stores_in
from aggregator.enrich import Enricher
from aggregator.erased import ErasedLinks
from aggregator.insertable import EnrichedRows
from aggregator.salts import Salts
from aggregator.upkeep import UPKEEP_EVERY_S
from records.address import AddressCipher
from records.click import encode_frame
from records.keys import ENTRY_FIELD, LANES, click_stream, lane_name
from records.lane_registry import LaneReport
from runtime.clock import SystemClock
from tests.support.frames import CLICK
from visitors.devices import Devices
from visitors.geo import Geo

LANE = 0xABCDEF0123456789


class Aggregator(aggregator.assembly.Aggregator):
    """One aggregator on real stores, as its __main__ puts it together."""

    def __init__(self, redis, clickhouse, *, stores_of=stores_in, clock=None, upkeep_every_s=UPKEEP_EVERY_S):
        owner = secrets.token_hex(4)
        enricher = Enricher(AddressCipher(bytes(16)), Devices(), Geo("", ""))
        super().__init__(
            stores_of(redis, clickhouse, owner), EnrichedRows(enricher, Salts(redis), ErasedLinks(clickhouse)),
            clock or SystemClock(), owner,
            insert_within_s=3, upkeep_every_s=upkeep_every_s,
        )  # fmt: skip

    async def move_all(self):
        for _ in range(3):
            await self.pipeline.move_one_batch()


async def register(redis, lane=LANE, *, spooled=0, ended=False):
    state = LaneReport("edge-1", spooled, spooled, spooled, 1, ended)
    await redis.hset(LANES, lane_name(lane), msgspec.json.encode(state))


async def add(redis, first_seq, count, lane=LANE, clicks=None):
    frame = encode_frame("edge-1", first_seq, clicks or [CLICK] * count)
    await redis.xadd(click_stream(lane), {ENTRY_FIELD: frame}, id=f"{first_seq + count - 1}-0")


async def counts(clickhouse):
    """(rows, distinct identities, rows of the projection)."""
    rows = await clickhouse.value("SELECT count() FROM clicks SETTINGS optimize_use_projections = 0")
    distinct = await clickhouse.value("SELECT uniqExact(lane, seq) FROM clicks")
    per_lane = "SELECT lane, count() AS n FROM clicks GROUP BY lane"
    projected = await clickhouse.value(f"SELECT sum(n) FROM ({per_lane}) SETTINGS force_optimize_projection = 1")
    return rows, distinct, projected
