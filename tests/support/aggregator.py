"""One aggregator's parts on real stores, and the frames that it moves."""

import secrets

import msgspec

from aggregator.click_stream import ClickStream
from aggregator.enrich import Enricher
from aggregator.insert import Writer
from aggregator.leases import Lanes
from aggregator.pipeline import Pipeline
from aggregator.visitor_ids import Salts
from records.click import AddressCipher, LaneState, encode_frame
from records.keys import ENTRY_FIELD, LANES, click_stream, lane_name
from tests.support.frames import CLICK
from visitors.devices import Devices
from visitors.geo import Geo

LANE = 0xABCDEF0123456789


class Aggregator:
    """The parts of one aggregator process, wired as its __main__ does."""

    def __init__(self, redis, clickhouse, stream=None):
        self.owner = secrets.token_hex(4)
        self.lanes = Lanes(redis, self.owner)
        self.writer = Writer(clickhouse, self.owner, within_s=3)
        enricher = Enricher(AddressCipher(bytes(16)), Salts(redis), Devices(), Geo("", ""))
        self.pipeline = Pipeline(stream or ClickStream(redis), self.lanes, enricher, self.writer)

    async def move_all(self):
        for _ in range(3):
            await self.pipeline.move_one_batch()


async def register(redis, lane=LANE, *, spooled=0, ended=False):
    state = LaneState("edge-1", spooled, spooled, spooled, 1, ended)
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
