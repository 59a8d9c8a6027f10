"""Closes the lane of an edge whose disk is lost."""

import msgspec
from redis.asyncio import Redis

from accounting.ledger import LaneLedger, read_ledger
from records.keys import LANES, WATERMARKS, click_stream
from records.lane_registry import LaneReport, report_in, watermark_in
from records.tables import instant
from runtime.clickhouse import ClickHouse
from runtime.retry_insert import insert_until_known


class CannotClose(Exception):
    """Why the lane stays as it is. field: of the request, "" where it is about none."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.field = field


class Closed(msgspec.Struct, frozen=True):
    lane: str
    edge_id: str
    lost: int


async def close_lane(redis: Redis, clickhouse: ClickHouse, lane: str, not_arrived: int) -> Closed:
    """Record the clicks of a silent lane as lost; the aggregator then ends it. Raises CannotClose.

    not_arrived: as the ledger says, so that the number of clicks given up has been seen. When the edge comes back after
    all, its clicks are taken in as ever, and count as lost no more.
    """
    silent, report = await _silent_lane(redis, clickhouse, lane)
    if silent.not_arrived != not_arrived:
        detail = f"{silent.not_arrived} clicks of lane {lane} have not arrived, not {not_arrived}"
        raise CannotClose(detail, field="not_arrived")
    if in_stream := await redis.xlen(click_stream(int(lane, 16))):
        raise CannotClose(f"{in_stream} entries of lane {lane} are still in Redis; wait until they are moved")
    row = {
        "lane": int(lane, 16), "edge_id": report.edge_id, "answered": silent.answered,
        "arrived": silent.answered - silent.unrecorded - not_arrived, "last_seen_at": instant(report.updated_at_ms),
    }  # fmt: skip
    await insert_until_known(clickhouse, "lost_clicks", row)
    settled = watermark_in(await redis.hget(WATERMARKS, lane))
    over = LaneReport(report.edge_id, settled, settled, settled, report.updated_at_ms, ended=True)
    await redis.hset(LANES, lane, msgspec.json.encode(over))
    return Closed(lane, report.edge_id, not_arrived + silent.unrecorded)


async def _silent_lane(redis: Redis, clickhouse: ClickHouse, lane: str) -> tuple[LaneLedger, LaneReport]:
    """The lane in the ledger, and the last report of its edge; raises CannotClose where it is not silent."""
    lanes = (await read_ledger(redis, clickhouse)).lanes
    silent = next((listed for listed in lanes if listed.lane == lane and listed.silent_since), None)
    report = report_in(await redis.hget(LANES, lane))
    if silent is None or report is None:
        raise CannotClose(f"no lane {lane} is silent: its edge reports, or it is over")
    return silent, report
