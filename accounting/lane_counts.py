"""What edges, Redis and the tables know of each lane."""

import time
from collections.abc import Mapping

import msgspec
from redis.asyncio import Redis

from records.click import LaneState
from records.keys import LANES, WATERMARKS
from records.lane_registry import states_in, watermarks_in
from runtime.clickhouse import ClickHouse

COUNT_ALL_UP_TO = 30_000_000  # clicks; beyond it only lanes that do not add up are counted seq by seq


class LaneCounts(msgspec.Struct, frozen=True):
    """What the tables hold of a lane."""

    lane: int
    click_rows: int
    dead_rows: int
    clicks: int  # different seqs, as the next three
    dead: int
    either: int
    settled: int  # up to the watermark
    last_seq: int


class EndedLane(msgspec.Struct, frozen=True):
    lane: int
    edge_id: str
    last_seq: int


class Evidence(msgspec.Struct, frozen=True):
    """All that is known of the lanes, each part by lane."""

    states: Mapping[int, LaneState]
    watermarks: Mapping[int, int]
    counts: Mapping[int, LaneCounts]
    ended: Mapping[int, EndedLane]
    lost: Mapping[int, int] = {}  # clicks of closed lanes, as they were answered
    now_ms: int = 0


async def read_evidence(redis: Redis, clickhouse: ClickHouse) -> Evidence:
    """States and watermarks first, then the tables, then the ended lanes: whatever moves on in between adds up.

    Raises RedisError, OSError and what ClickHouse raises.
    """
    states = states_in(await redis.hgetall(LANES))  # a lane whose state cannot be read is judged by its rows
    watermarks = watermarks_in(await redis.hgetall(WATERMARKS))
    counts = await _counts(clickhouse, watermarks)
    ended = await clickhouse.rows("SELECT lane, edge_id, last_seq FROM ended_lanes FINAL", EndedLane)
    closed = await clickhouse.rows("SELECT lane, answered FROM lost_clicks FINAL", _Lost)
    lost = {row.lane: row.answered for row in closed}
    now_ms = time.time_ns() // 1_000_000
    return Evidence(states, watermarks, counts, {row.lane: row for row in ended}, lost, now_ms)


class _Lost(msgspec.Struct, frozen=True):
    lane: int
    answered: int


# groupBitmap counts different seqs exactly; for dense ones it needs a bit each.
_SEQ_BY_SEQ = """
SELECT lane, countIf(NOT is_dead) AS click_rows, countIf(is_dead) AS dead_rows,
    groupBitmapIf(seq, NOT is_dead) AS clicks, groupBitmapIf(seq, is_dead) AS dead, groupBitmap(seq) AS either,
    groupBitmapIf(
        seq, seq <= transform(lane, {lanes:Array(UInt64)}, {watermarks:Array(UInt64)}, toUInt64(0))
    ) AS settled,
    max(seq) AS last_seq
FROM (SELECT lane, seq, false AS is_dead FROM clicks UNION ALL SELECT lane, seq, true FROM dead_clicks)
"""
# From the projection per_lane.
_WHOLE_LANES = """
SELECT lane, sum(rows) AS rows, min(first) AS first, max(last) AS last, sum(dead) AS dead FROM
(
    SELECT lane, count() AS rows, min(seq) AS first, max(seq) AS last, 0 AS dead FROM clicks GROUP BY lane
    UNION ALL
    SELECT lane, count(), min(seq), max(seq), count() FROM dead_clicks GROUP BY lane
)
GROUP BY lane
"""


class _WholeLane(msgspec.Struct, frozen=True):
    lane: int
    rows: int
    first: int
    last: int
    dead: int


async def _counts(clickhouse: ClickHouse, watermarks: Mapping[int, int]) -> dict[int, LaneCounts]:
    places = {"lanes": list(watermarks) or [0], "watermarks": list(watermarks.values()) or [0]}
    if int(await clickhouse.value("SELECT count() FROM clicks")) <= COUNT_ALL_UP_TO:
        rows = await clickhouse.rows(f"{_SEQ_BY_SEQ} GROUP BY lane", LaneCounts, **places)
        return {row.lane: row for row in rows}
    whole = await clickhouse.rows(_WHOLE_LANES, _WholeLane)
    counts = {lane.lane: _as_counted(lane, watermarks) for lane in whole if lane.first == 1 and lane.rows == lane.last}
    doubtful = [lane.lane for lane in whole if lane.lane not in counts]
    if doubtful:
        sql = f"{_SEQ_BY_SEQ} WHERE lane IN ({{doubtful:Array(UInt64)}}) GROUP BY lane"
        rows = await clickhouse.rows(sql, LaneCounts, doubtful=doubtful, **places)
        counts |= {row.lane: row for row in rows}
    return counts


def _as_counted(lane: _WholeLane, watermarks: Mapping[int, int]) -> LaneCounts:
    """A lane with as many rows as its last seq."""
    settled = min(watermarks.get(lane.lane, 0), lane.last)
    return LaneCounts(
        lane.lane, lane.rows - lane.dead, lane.dead, lane.rows - lane.dead, lane.dead, lane.rows, settled, lane.last
    )
