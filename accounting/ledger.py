"""Whether every answered tap is accounted for, lane by lane: once in a table, in a dead letter, or on its way."""

from datetime import UTC, datetime

import msgspec
from redis.asyncio import Redis

from accounting.lane_counts import Evidence, LaneCounts, read_evidence
from records.click import LaneState
from records.keys import lane_name
from runtime.clickhouse import ClickHouse

SILENT_AFTER_MS = 60_000  # an edge reports every lane once a second
MAX_LANES = 1_000  # listed; the worst first


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
    unrecorded: int = 0  # answered and lost: neither disk nor memory took them; a part of the gap
    silent_since: str = ""  # when its edge was last heard of, RFC 3339; "" for a lane that is reported or over
    not_arrived: int = 0  # of a silent lane: recorded by its last report, and in no table


class Ledger(msgspec.Struct, frozen=True):
    """Counts of clicks. answered = spooled = shipped + waiting; shipped = inserted + dead + pending; gap = 0.

    While a disk takes nothing, fewer are spooled than answered: those in memory are waiting, those unrecorded a gap.
    lanes: those under way or with a gap. The others are in the sums only.
    """

    answered: int
    spooled: int
    waiting: int
    shipped: int
    pending: int
    inserted: int
    dead: int
    gap: int
    unrecorded: int  # a part of the gap; when their lane is over they are `lost`
    silent_lanes: int  # whose edge is not heard of: its disk still holds clicks, or is lost
    not_arrived: int  # clicks of silent lanes that are in no table; not part of the gap, they may still come
    lost: int  # clicks of lanes that were closed, or are over with fewer than were answered; on record in lost_clicks
    lanes_whole: int  # over and whole: not listed
    lanes: list[LaneLedger]


_SUMS = ("answered", "spooled", "waiting", "shipped", "pending", "inserted", "dead", "gap")


def judge(evidence: Evidence) -> Ledger:
    """The ledger of all lanes. Pure."""
    names = sorted({*evidence.states, *evidence.counts, *evidence.ended})
    lanes = [_lane(lane, evidence) for lane in names]
    listed = [one for lane, one in zip(names, lanes, strict=True) if lane in evidence.states or one.gap]

    def total(name: str) -> int:
        return sum(getattr(lane, name) for lane in lanes)

    return Ledger(
        **{name: total(name) for name in _SUMS},
        silent_lanes=sum(1 for lane in lanes if lane.silent_since),
        unrecorded=total("unrecorded"),
        not_arrived=total("not_arrived"),
        lost=sum(_still_lost(lane, answered, evidence) for lane, answered in evidence.lost.items()),
        lanes_whole=len(lanes) - len(listed),
        lanes=sorted(listed, key=lambda lane: (-lane.gap, -lane.not_arrived))[:MAX_LANES],
    )


def _still_lost(lane: int, answered: int, evidence: Evidence) -> int:
    counts = evidence.counts.get(lane)
    return max(answered - (counts.either if counts else 0), 0)


def _lane(lane: int, evidence: Evidence) -> LaneLedger:
    counts = evidence.counts.get(lane) or LaneCounts(lane, 0, 0, 0, 0, 0, 0, 0)
    state, ended = evidence.states.get(lane), evidence.ended.get(lane)
    if state is None:
        # Over, or Redis has lost what edges said: all up to the last seq known must be in the tables.
        last_seq = max(ended.last_seq if ended else 0, counts.last_seq)
        state = LaneState(ended.edge_id if ended else "", last_seq, last_seq, last_seq, 0, ended is not None)
        return _balanced(lane, state, counts, missing=last_seq - counts.either)
    state = _up_to_date(state, counts)
    is_silent = not state.ended and evidence.now_ms - state.updated_at_ms > SILENT_AFTER_MS
    balanced = _balanced(lane, state, counts, missing=max(evidence.watermarks.get(lane, 0) - counts.settled, 0))
    if not is_silent:
        return balanced
    since = datetime.fromtimestamp(state.updated_at_ms / 1000, UTC).isoformat(timespec="seconds")
    not_arrived = state.answered - state.unrecorded - counts.either
    return msgspec.structs.replace(balanced, silent_since=since, not_arrived=not_arrived)


def _up_to_date(state: LaneState, counts: LaneCounts) -> LaneState:
    """Rows may be in the table before the edge's once-a-second report says that they were shipped."""
    shipped = max(state.shipped, counts.last_seq)
    spooled = max(state.spooled, shipped)
    answered = state.answered if state.ended else max(state.answered, spooled + state.unrecorded)
    unrecorded = answered - spooled if state.ended else state.unrecorded
    return msgspec.structs.replace(state, answered=answered, spooled=spooled, shipped=shipped, unrecorded=unrecorded)


def _balanced(lane: int, state: LaneState, counts: LaneCounts, *, missing: int) -> LaneLedger:
    doubled = counts.click_rows + counts.dead_rows - counts.either
    return LaneLedger(
        lane=lane_name(lane),
        edge_id=state.edge_id,
        ended=state.ended,
        answered=state.answered,
        spooled=state.spooled,
        waiting=state.answered - state.unrecorded - state.shipped,
        shipped=state.shipped,
        pending=state.shipped - counts.either - missing,
        inserted=counts.clicks,
        dead=counts.dead,
        missing=missing,
        doubled=doubled,
        gap=missing + doubled + abs(state.unrecorded),
        unrecorded=state.unrecorded,
    )


async def read_ledger(redis: Redis, clickhouse: ClickHouse) -> Ledger:
    """Raises RedisError, OSError and what ClickHouse raises."""
    return judge(await read_evidence(redis, clickhouse))
