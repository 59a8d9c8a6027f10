"""Asks the tables what they hold of lanes, one statement for each question. Each raises what ClickHouse raises."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from accounting.lane_counts import LaneCounts, LaneExtent, counted, is_dense
from runtime.clickhouse import ClickHouse

_ALL = 2**64 - 1  # every seq is up to it


class EndedLane(msgspec.Struct, frozen=True):
    lane: int
    edge_id: str
    last_seq: int


# groupBitmap counts different seqs exactly; for dense ones it needs a bit each.
_COUNTS = """
SELECT lane, countIf(NOT is_dead) AS click_rows, countIf(is_dead) AS dead_rows,
    groupBitmapIf(seq, NOT is_dead) AS clicks, groupBitmapIf(seq, is_dead) AS dead, groupBitmap(seq) AS either,
    groupBitmapIf(seq, seq <= transform(lane, {due_lanes:Array(UInt64)}, {due:Array(UInt64)}, {all:UInt64})) AS arrived,
    max(seq) AS last_seq
FROM (SELECT lane, seq, false AS is_dead FROM clicks UNION ALL SELECT lane, seq, true FROM dead_clicks)
"""
# From the projection per_lane, without reading rows.
_EXTENTS = """
SELECT lane, sum(rows) AS rows, min(first) AS first, max(last) AS last, sum(dead) AS dead FROM
(
    SELECT lane, count() AS rows, min(seq) AS first, max(seq) AS last, 0 AS dead FROM clicks GROUP BY lane
    UNION ALL
    SELECT lane, count(), min(seq), max(seq), count() FROM dead_clicks GROUP BY lane
)
GROUP BY lane
"""
# A doubled click has the same clicked_at twice, so both lie in the hours looked at; parts without any are not read.
_RECENT = """
SELECT lane, count() - groupBitmap(seq) AS doubled FROM
(
    SELECT lane, seq FROM clicks WHERE clicked_at >= now64(3) - toIntervalSecond({seconds:UInt64})
    UNION ALL
    SELECT lane, seq FROM dead_clicks WHERE received_at >= now64(3) - toIntervalSecond({seconds:UInt64})
)
GROUP BY lane
"""
_ENDED = "SELECT lane, edge_id, last_seq FROM taptrail_internal.ended_lanes FINAL"
_ENDED_LATELY = (
    f"{_ENDED} WHERE lane IN ({{lanes:Array(UInt64)}}) OR ended_at >= now64(3) - toIntervalSecond({{seconds:UInt64}})"
)
_LOST = "SELECT lane, answered FROM lost_clicks FINAL"
_ROWS = "SELECT count() FROM clicks"  # from the parts' own counts
_PROJECTED = "SELECT sum(n) FROM (SELECT lane, count() AS n FROM clicks GROUP BY lane)"


class _Recent(msgspec.Struct, frozen=True):
    lane: int
    doubled: int


class _Lost(msgspec.Struct, frozen=True):
    lane: int
    answered: int


async def click_rows(clickhouse: ClickHouse) -> int:
    return int(await clickhouse.value(_ROWS))


async def lane_extents(clickhouse: ClickHouse) -> dict[int, LaneExtent]:
    """Of all lanes."""
    return {row.lane: row for row in await clickhouse.rows(_EXTENTS, LaneExtent)}


async def all_counts(clickhouse: ClickHouse, due: Mapping[int, int]) -> dict[int, LaneCounts]:
    """All lanes, seq by seq. due: lane -> seq; of lanes that are not in it every seq is due."""
    rows = await clickhouse.rows(f"{_COUNTS} GROUP BY lane", LaneCounts, **_parameters(due))
    return {row.lane: row for row in rows}


async def few_counts(
    clickhouse: ClickHouse,
    extents: Iterable[LaneExtent],
    due: Mapping[int, int],
    doubled: Mapping[int, int] | None = None,
) -> dict[int, LaneCounts]:
    """The lanes of these extents. Those that look dense are not read: is_dense says what that leaves unseen.

    due: as for all_counts. doubled: lane -> doubled rows known of.
    """
    doubled, counts, doubtful = doubled or {}, {}, []
    for extent in extents:
        lane = extent.lane
        if is_dense(extent, due.get(lane, 0), doubled.get(lane, 0)):
            counts[lane] = counted(extent, due.get(lane, _ALL), doubled.get(lane, 0))
        else:
            doubtful.append(lane)
    return counts | await _counts_of(clickhouse, doubtful, due)


async def _counts_of(clickhouse: ClickHouse, lanes: Sequence[int], due: Mapping[int, int]) -> dict[int, LaneCounts]:
    if not lanes:
        return {}
    sql = f"{_COUNTS} WHERE lane IN ({{lanes:Array(UInt64)}}) GROUP BY lane"
    due = {lane: due[lane] for lane in lanes if lane in due}
    rows = await clickhouse.rows(sql, LaneCounts, lanes=lanes, **_parameters(due))
    return {lane: LaneCounts(lane) for lane in lanes} | {row.lane: row for row in rows}


def _parameters(due: Mapping[int, int]) -> dict[str, object]:
    return {"due_lanes": list(due) or [0], "due": list(due.values()) or [0], "all": _ALL}


async def recent_lanes(clickhouse: ClickHouse, seconds: int) -> dict[int, int]:
    """Lane -> doubled rows among those of the last seconds; of every lane with a row in them."""
    return {row.lane: row.doubled for row in await clickhouse.rows(_RECENT, _Recent, seconds=seconds)}


async def ended_lanes(clickhouse: ClickHouse) -> dict[int, EndedLane]:
    return {row.lane: row for row in await clickhouse.rows(_ENDED, EndedLane)}


async def ended_lately(clickhouse: ClickHouse, lanes: Iterable[int], seconds: int) -> dict[int, int]:
    """Lane -> last seq, of those of these lanes that have ended and of all that have ended in the last seconds."""
    rows = await clickhouse.rows(_ENDED_LATELY, EndedLane, lanes=list(lanes), seconds=seconds)
    return {row.lane: row.last_seq for row in rows}


async def lost_lanes(clickhouse: ClickHouse) -> dict[int, int]:
    """Lane -> clicks answered, of lanes that were closed or are over with fewer than were answered."""
    return {row.lane: row.answered for row in await clickhouse.rows(_LOST, _Lost)}


async def unprojected(clickhouse: ClickHouse) -> int:
    """Rows by which the projection per_lane is wrong, over the whole table, while inserts go on."""
    before = await click_rows(clickhouse)
    projected = int(await clickhouse.value(_PROJECTED) or 0)
    after = await click_rows(clickhouse)
    return max(before - projected, projected - after, 0)
