"""Which clicks are missing from the tables or in them twice, lane by lane.

Beside the ledger: the audit asks nothing of edges, so it does not know of clicks that never left them; it looks at the
lanes of some hours, so that it costs little enough for every minute; and it also checks the projection that both of
them use. A lane that looks whole is not read: a click missing and another doubled before these hours stay unseen.
"""

from collections.abc import Mapping

import msgspec
from redis.asyncio import Redis

from accounting.click_tables import ended_lately, few_counts, lane_extents, recent_lanes, unprojected
from accounting.lane_counts import LaneExtent, Verdict, due_seq, judge
from accounting.under_way import read_under_way
from records.keys import lane_name
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


async def read_audit(redis: Redis, clickhouse: ClickHouse, hours: float) -> Audit:
    """Audit the lanes of the last hours; raises RedisError and what ClickHouse raises.

    Watermarks are read first, and ended lanes before their rows: every click that is due is in a table by then. Lanes
    are younger than any row that was dropped for its age.
    """
    seconds = int(hours * 3600)
    watermarks = (await read_under_way(redis)).due
    recent = await recent_lanes(clickhouse, seconds)
    ended = await ended_lately(clickhouse, recent, seconds)
    in_tables = await lane_extents(clickhouse)
    extents = {lane: in_tables.get(lane, LaneExtent(lane)) for lane in {*watermarks, *recent, *ended}}
    due = {lane: due_seq(lane, watermarks, max(one.last, ended.get(lane, 0))) for lane, one in extents.items()}
    counts = await few_counts(clickhouse, extents.values(), due, recent)
    faults = _faults(extents, due, {lane: judge(counts[lane], due[lane]) for lane in due})
    return Audit(
        hours=hours,
        lanes=len(extents),
        rows=sum(extent.rows for extent in extents.values()),
        missing=sum(fault.missing for fault in faults),
        doubled=sum(fault.doubled for fault in faults),
        unprojected=await unprojected(clickhouse),
        faults=faults[:MAX_FAULTS],
    )


def _faults(
    extents: Mapping[int, LaneExtent], due: Mapping[int, int], verdicts: Mapping[int, Verdict]
) -> list[LaneFault]:
    """The worst first."""
    faults = [
        LaneFault(lane_name(lane), extents[lane].rows, due[lane], verdict.missing, verdict.doubled)
        for lane, verdict in verdicts.items()
        if verdict.missing or verdict.doubled
    ]
    return sorted(faults, key=lambda fault: -fault.missing - fault.doubled)
