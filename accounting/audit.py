"""Which clicks are missing from the tables or in them twice, lane by lane, told by the rows alone."""

from collections.abc import Mapping

import msgspec
from redis.asyncio import Redis

from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import lanes_in, watermarks_in
from runtime.clickhouse import ClickHouse

MAX_FAULTS = 100  # lanes named


class LaneFault(msgspec.Struct, frozen=True):
    lane: str
    rows: int
    last_seq: int  # up to which every click has to be there
    missing: int
    doubled: int


class Audit(msgspec.Struct, frozen=True):
    """Counts of clicks. All zero but `hours`, `lanes` and `rows`: nothing is wrong."""

    hours: float  # audited are the lanes that had a click in them
    lanes: int
    rows: int
    missing: int
    doubled: int
    unprojected: int  # rows by which the projection per_lane is wrong, over the whole table
    faults: list[LaneFault]  # the worst, MAX_FAULTS at most

    @property
    def wrong(self) -> int:
        return self.missing + self.doubled + self.unprojected


class _Recent(msgspec.Struct, frozen=True):
    lane: int
    rows: int
    seqs: int


class _Whole(msgspec.Struct, frozen=True):
    lane: int
    rows: int
    last_seq: int


class _Ended(msgspec.Struct, frozen=True):
    lane: int
    last_seq: int


class _Settled(msgspec.Struct, frozen=True):
    lane: int
    seqs: int
    doubled: int  # of the whole lane


# A doubled click has the same clicked_at twice, so both lie in the hours looked at; parts without any are not read.
_RECENT = """
SELECT lane, count() AS rows, groupBitmap(seq) AS seqs FROM
(
    SELECT lane, seq FROM clicks WHERE clicked_at >= now64(3) - toIntervalSecond({seconds:UInt64})
    UNION ALL
    SELECT lane, seq FROM dead_clicks WHERE received_at >= now64(3) - toIntervalSecond({seconds:UInt64})
)
GROUP BY lane
"""
# From the projection per_lane, without reading rows.
_WHOLE = """
SELECT lane, sum(n) AS rows, max(last) AS last_seq FROM
(
    SELECT lane, count() AS n, max(seq) AS last FROM clicks GROUP BY lane
    UNION ALL
    SELECT lane, count() AS n, max(seq) AS last FROM dead_clicks GROUP BY lane
)
GROUP BY lane
"""
_ENDED = """
SELECT lane, last_seq FROM ended_lanes FINAL
WHERE lane IN ({lanes:Array(UInt64)}) OR ended_at >= now64(3) - toIntervalSecond({seconds:UInt64})
"""
_SETTLED = """
SELECT lane, count() - groupBitmap(seq) AS doubled,
    groupBitmapIf(seq, seq <= transform(lane, {lanes:Array(UInt64)}, {up_to:Array(UInt64)}, toUInt64(0))) AS seqs
FROM
(
    SELECT lane, seq FROM clicks WHERE lane IN ({lanes:Array(UInt64)})
    UNION ALL
    SELECT lane, seq FROM dead_clicks WHERE lane IN ({lanes:Array(UInt64)})
)
GROUP BY lane
"""
_ROWS = "SELECT count() FROM clicks"  # from the parts' own counts
_PROJECTED = "SELECT sum(n) FROM (SELECT lane, count() AS n FROM clicks GROUP BY lane)"


async def read_audit(redis: Redis, clickhouse: ClickHouse, hours: float) -> Audit:
    """Audit the lanes of the last hours; raises RedisError and what ClickHouse raises.

    A lane that is under way has to be whole up to its watermark, which is read first, and one that is over up to its
    last seq; what lies beyond is on its way. Lanes are younger than any row that was dropped for its age.
    """
    settled = dict.fromkeys(lanes_in(await redis.hkeys(LANES)), 0)
    settled |= watermarks_in(await redis.hgetall(WATERMARKS))
    seconds = int(hours * 3600)
    recent = {row.lane: row for row in await clickhouse.rows(_RECENT, _Recent, seconds=seconds)}
    whole = {row.lane: row for row in await clickhouse.rows(_WHOLE, _Whole)}
    ended = await clickhouse.rows(_ENDED, _Ended, lanes=list(recent), seconds=seconds)
    lanes = {lane: whole[lane].last_seq if lane in whole else 0 for lane in recent}
    lanes |= {row.lane: row.last_seq for row in ended}
    lanes |= settled  # a lane that is under way, above all
    doubled = {row.lane: row.rows - row.seqs for row in recent.values()}
    read = await _read_doubtful(clickhouse, lanes, whole, doubled)
    missing = {lane: lanes[lane] - row.seqs for lane, row in read.items()}
    doubled |= {lane: row.doubled for lane, row in read.items()}
    faults = [
        LaneFault(lane_name(lane), whole[lane].rows if lane in whole else 0, up_to, lost, twice)
        for lane, up_to in lanes.items()
        if (lost := missing.get(lane, 0)) + (twice := doubled.get(lane, 0))
    ]
    return Audit(
        hours=hours,
        lanes=len(lanes),
        rows=sum(whole[lane].rows for lane in lanes if lane in whole),
        missing=sum(missing.values()),
        doubled=sum(doubled.values()),
        unprojected=await _unprojected(clickhouse),
        faults=sorted(faults, key=lambda fault: -fault.missing - fault.doubled)[:MAX_FAULTS],
    )


async def _read_doubtful(
    clickhouse: ClickHouse, lanes: Mapping[int, int], whole: Mapping[int, _Whole], doubled: Mapping[int, int]
) -> dict[int, _Settled]:
    """What is in the lanes that have not as many rows as their last seq, doubled clicks left out. Of others no row is
    read: in one of them, clicks missing and as many doubled, all older than the hours audited, are not seen."""

    def is_dense(lane: int) -> bool:
        found = whole.get(lane, _Whole(lane, 0, 0))
        return found.rows - doubled.get(lane, 0) == found.last_seq >= lanes[lane]

    doubtful = [lane for lane in lanes if not is_dense(lane)]
    up_to = [lanes[lane] for lane in doubtful]
    found = await clickhouse.rows(_SETTLED, _Settled, lanes=doubtful, up_to=up_to) if doubtful else []
    return {lane: _Settled(lane, 0, 0) for lane in doubtful} | {row.lane: row for row in found}


async def _unprojected(clickhouse: ClickHouse) -> int:
    before = int(await clickhouse.value(_ROWS))
    projected = int(await clickhouse.value(_PROJECTED) or 0)
    after = int(await clickhouse.value(_ROWS))
    return max(before - projected, projected - after, 0)
