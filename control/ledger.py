"""Whether every answered tap is accounted for, lane by lane: once in a table, in a dead letter, or on its way."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import msgspec
from redis.asyncio import Redis

from records.click import LaneState
from records.keys import LANES, WATERMARKS, lane_name
from runtime.clickhouse import ClickHouse

_state = msgspec.json.Decoder(LaneState)

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


class LaneLedger(msgspec.Struct, frozen=True):
    lane: str
    edge_id: str
    ended: bool
    answered: int
    spooled: int
    waiting: int
    shipped: int
    pending: int
    inserted: int
    dead: int
    missing: int
    doubled: int
    gap: int


class Ledger(msgspec.Struct, frozen=True):
    """Counts of clicks. answered = spooled = shipped + waiting; shipped = inserted + dead + pending; gap = 0."""

    answered: int
    spooled: int
    waiting: int
    shipped: int
    pending: int
    inserted: int
    dead: int
    gap: int
    lanes: list[LaneLedger]


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


def judge(evidence: Evidence) -> Ledger:
    """The ledger of all lanes. Pure."""
    names = sorted({*evidence.states, *evidence.counts, *evidence.ended})
    lanes = [_lane(lane, evidence) for lane in names]

    def total(name: str) -> int:
        return sum(getattr(lane, name) for lane in lanes)

    return Ledger(**{name: total(name) for name in Ledger.__struct_fields__[:-1]}, lanes=lanes)


def _lane(lane: int, evidence: Evidence) -> LaneLedger:
    counts = evidence.counts.get(lane) or LaneCounts(lane, 0, 0, 0, 0, 0, 0, 0)
    state, ended = evidence.states.get(lane), evidence.ended.get(lane)
    if state is None:
        # Over, or Redis has lost what edges said: all up to the last seq known must be in the tables.
        last_seq = max(ended.last_seq if ended else 0, counts.last_seq)
        state = LaneState(ended.edge_id if ended else "", last_seq, last_seq, last_seq, 0, ended is not None)
        return _balanced(lane, state, counts, missing=last_seq - counts.either)
    # Rows may be in the table before the edge's once-a-second report says that they were shipped.
    shipped = max(state.shipped, counts.last_seq)
    spooled = max(state.spooled, shipped)
    answered = state.answered if state.ended else max(state.answered, spooled)
    state = LaneState(state.edge_id, answered, spooled, shipped, state.updated_at_ms, state.ended)
    return _balanced(lane, state, counts, missing=max(evidence.watermarks.get(lane, 0) - counts.settled, 0))


def _balanced(lane: int, state: LaneState, counts: LaneCounts, *, missing: int) -> LaneLedger:
    doubled = counts.click_rows + counts.dead_rows - counts.either
    unspooled = abs(state.answered - state.spooled) if state.ended else 0
    return LaneLedger(
        lane=lane_name(lane),
        edge_id=state.edge_id,
        ended=state.ended,
        answered=state.answered,
        spooled=state.spooled,
        waiting=state.spooled - state.shipped,
        shipped=state.shipped,
        pending=state.shipped - counts.either - missing,
        inserted=counts.clicks,
        dead=counts.dead,
        missing=missing,
        doubled=doubled,
        gap=missing + doubled + unspooled,
    )


async def read_ledger(redis: Redis, clickhouse: ClickHouse) -> Ledger:
    """States and watermarks first, then the tables, then the ended lanes: whatever moves on in between adds up.

    Raises RedisError, OSError and what ClickHouse raises.
    """
    states = {int(name, 16): state async for name, state in _states(redis)}
    watermarks = {int(name, 16): int(value) for name, value in (await redis.hgetall(WATERMARKS)).items()}
    counts = await _counts(clickhouse, watermarks)
    ended = await clickhouse.rows("SELECT lane, edge_id, last_seq FROM ended_lanes FINAL", EndedLane)
    return judge(Evidence(states, watermarks, counts, {row.lane: row for row in ended}))


async def _states(redis: Redis) -> AsyncIterator[tuple[bytes | str, LaneState]]:
    """What edges say of their lanes. A lane whose state cannot be read is judged by its rows."""
    for name, value in (await redis.hgetall(LANES)).items():
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield name, _state.decode(value)


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
