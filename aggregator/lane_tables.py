"""What the tables in ClickHouse know of lanes."""

from collections.abc import Iterable

import msgspec

from aggregator.decode import Span
from aggregator.stores import Extent
from records.lane_registry import LaneReport
from records.tables import instant
from runtime.clickhouse import ClickHouse

_PRESENT = """
SELECT lane, seq FROM clicks WHERE {spans}
UNION ALL SELECT lane, seq FROM dead_clicks WHERE {spans}
"""
_EXTENT = """
SELECT max(last) AS last_seq, sum(rows) AS rows FROM
(
    SELECT max(seq) AS last, count() AS rows FROM clicks WHERE lane = {lane:UInt64}
    UNION ALL SELECT max(seq) AS last, count() AS rows FROM dead_clicks WHERE lane = {lane:UInt64}
)
"""
_DISTINCT_UP_TO = """
SELECT uniqExact(seq) FROM
(
    SELECT seq FROM clicks WHERE lane = {lane:UInt64} AND seq <= {seq:UInt64}
    UNION ALL SELECT seq FROM dead_clicks WHERE lane = {lane:UInt64} AND seq <= {seq:UInt64}
)
"""
# The clicks for those who sent some before there was the table `begun`.
_HAS_FIRST_INSERT = (
    "SELECT (SELECT count() FROM taptrail_internal.begun) + (SELECT count() FROM clicks)"
    " + (SELECT count() FROM dead_clicks) > 0"
)


class _Present(msgspec.Struct, frozen=True):
    lane: int
    seq: int


class ClickHouseLaneTables:
    """owner: the aggregator in whose name records are made."""

    def __init__(self, clickhouse: ClickHouse, owner: str) -> None:
        self._clickhouse, self._owner = clickhouse, owner

    async def present(self, spans: Iterable[Span]) -> set[tuple[int, int]]:
        condition = " OR ".join(
            f"(lane = {span.lane} AND seq BETWEEN {span.first_seq} AND {span.last_seq})" for span in spans
        )
        rows = await self._clickhouse.rows(_PRESENT.replace("{spans}", condition or "0"), _Present)
        return {(row.lane, row.seq) for row in rows}

    async def extent(self, lane: int) -> Extent:
        rows = await self._clickhouse.rows(_EXTENT, Extent, lane=lane)
        return rows[0]

    async def contiguous_up_to(self, lane: int, extent: Extent, at_least: int) -> int:
        if extent.rows == extent.last_seq:
            return extent.last_seq
        low, high = at_least, extent.last_seq  # all up to low are there; not all up to high + 1
        while low < high:
            middle = (low + high + 1) // 2
            if await self._clickhouse.value(_DISTINCT_UP_TO, lane=lane, seq=middle) == middle:
                low = middle
            else:
                high = middle - 1
        return low

    async def has_first_insert(self) -> bool:
        return bool(await self._clickhouse.value(_HAS_FIRST_INSERT))

    async def mark_first_insert(self) -> None:
        await self._clickhouse.insert_rows("taptrail_internal.begun", [{"owner": self._owner}])

    async def end_lane(self, lane: int, report: LaneReport) -> None:
        row = {
            "lane": lane, "edge_id": report.edge_id, "last_seq": report.spooled,
            "ended_at": instant(report.updated_at_ms),
        }  # fmt: skip
        await self._clickhouse.insert_rows("taptrail_internal.ended_lanes", [row])

    async def record_loss(self, lane: int, report: LaneReport) -> None:
        row = {
            "lane": lane, "edge_id": report.edge_id, "answered": report.answered, "arrived": report.spooled,
            "last_seen_at": instant(report.updated_at_ms),
        }  # fmt: skip
        await self._clickhouse.insert_rows("lost_clicks", [row])
