"""Whether every answered tap is accounted for, lane by lane: once in a table, in a dead letter, or on its way.

Beside the audit: the ledger begins with what edges say that they answered, so it knows of clicks that wait on their
disks, are on their way through Redis, or were never recorded; and it counts every lane that there ever was. In a large
table it does not read lanes that look whole: a click missing and another doubled in one lane are for the audit to find.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from redis.asyncio import Redis

from accounting.click_tables import (
    EndedLane,
    all_counts,
    click_rows,
    ended_lanes,
    few_counts,
    lane_extents,
    lost_lanes,
)
from accounting.lane_counts import LaneCounts, Verdict, due_seq, judge
from accounting.under_way import UnderWay, read_under_way
from records.keys import lane_name
from records.lane_registry import LaneReport, is_silent
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms

COUNT_ALL_UP_TO = 30_000_000
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


_SUMS = ("answered", "spooled", "waiting", "shipped", "pending", "inserted", "dead", "gap", "unrecorded", "not_arrived")


class Books(msgspec.Struct, frozen=True):
    """All that edges, Redis and the tables say, each part by lane."""

    under_way: UnderWay
    counts: Mapping[int, LaneCounts]
    ended: Mapping[int, EndedLane] = {}
    lost: Mapping[int, int] = {}  # clicks of closed lanes, as they were answered
    now_ms: int = 0


async def read_ledger(redis: Redis, clickhouse: ClickHouse, count_all_up_to: int = COUNT_ALL_UP_TO) -> Ledger:
    """Raises RedisError, OSError and what ClickHouse raises.

    count_all_up_to: clicks; of a larger table only lanes that do not look dense are counted seq by seq.
    """
    return ledger_of(await _read_books(redis, clickhouse, count_all_up_to))


async def _read_books(redis: Redis, clickhouse: ClickHouse, count_all_up_to: int) -> Books:
    """What is under way first, then the ended lanes, then their rows: what moves on in between still adds up."""
    under_way = await read_under_way(redis)
    ended = await ended_lanes(clickhouse)
    if await click_rows(clickhouse) <= count_all_up_to:
        counts = await all_counts(clickhouse, under_way.due)
    else:
        counts = await few_counts(clickhouse, (await lane_extents(clickhouse)).values(), under_way.due)
    return Books(under_way, counts, ended, await lost_lanes(clickhouse), unix_ms())


def ledger_of(books: Books) -> Ledger:
    """The ledger of all lanes. Pure."""
    names = sorted({*books.under_way.due, *books.counts, *books.ended})
    lanes = [_lane(lane, books) for lane in names]
    listed = [one for lane, one in zip(names, lanes, strict=True) if lane in books.under_way.states or one.gap]
    return Ledger(
        **{name: sum(getattr(lane, name) for lane in lanes) for name in _SUMS},
        silent_lanes=sum(1 for lane in lanes if lane.silent_since),
        lost=sum(_still_lost(lane, answered, books) for lane, answered in books.lost.items()),
        lanes_whole=len(lanes) - len(listed),
        lanes=sorted(listed, key=lambda lane: (-lane.gap, -lane.not_arrived))[:MAX_LANES],
    )


def _still_lost(lane: int, answered: int, books: Books) -> int:
    counts = books.counts.get(lane)
    return max(answered - (counts.either if counts else 0), 0)


def _lane(lane: int, books: Books) -> LaneLedger:
    counts = books.counts.get(lane, LaneCounts(lane))
    reported, ended = books.under_way.states.get(lane), books.ended.get(lane)
    last_seq = max(ended.last_seq if ended else 0, counts.last_seq)
    due = due_seq(lane, books.under_way.due, last_seq)
    verdict = judge(counts, due)
    if reported is None:  # over, or Redis has lost what its edge said: nothing more of it is known than its last seq
        last_seq = max(last_seq, due)
        state = LaneReport(ended.edge_id if ended else "", last_seq, last_seq, last_seq, 0, ended is not None)
        return _balanced(lane, state, counts, verdict)
    state = _up_to_date(reported, counts)
    balanced = _balanced(lane, state, counts, verdict)
    if not is_silent(state, books.now_ms):
        return balanced
    since = datetime.fromtimestamp(state.updated_at_ms // 1000, UTC).isoformat(timespec="seconds")
    not_arrived = state.answered - state.unrecorded - counts.either
    return msgspec.structs.replace(balanced, silent_since=since, not_arrived=not_arrived)


def _up_to_date(state: LaneReport, counts: LaneCounts) -> LaneReport:
    """Rows may be in the table before the edge's once-a-second report says that they were shipped."""
    shipped = max(state.shipped, counts.last_seq)
    spooled = max(state.spooled, shipped)
    answered = state.answered if state.ended else max(state.answered, spooled + state.unrecorded)
    unrecorded = answered - spooled if state.ended else state.unrecorded
    return msgspec.structs.replace(state, answered=answered, spooled=spooled, shipped=shipped, unrecorded=unrecorded)


def _balanced(lane: int, state: LaneReport, counts: LaneCounts, verdict: Verdict) -> LaneLedger:
    """pending: shipped, and neither in a table nor missing from it."""
    return LaneLedger(
        lane=lane_name(lane),
        edge_id=state.edge_id,
        ended=state.ended,
        answered=state.answered,
        spooled=state.spooled,
        waiting=state.answered - state.unrecorded - state.shipped,
        shipped=state.shipped,
        pending=state.shipped - counts.either - verdict.missing,
        inserted=counts.clicks,
        dead=counts.dead,
        missing=verdict.missing,
        doubled=verdict.doubled,
        gap=verdict.missing + verdict.doubled + abs(state.unrecorded),
        unrecorded=state.unrecorded,
    )
