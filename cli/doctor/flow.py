"""Whether clicks move between the processes: what Redis says of edges and aggregators, looked at twice. Pure."""

from collections.abc import Mapping

import msgspec

from cli.doctor.finding import Finding, broken, ok, warning
from records.keys import lane_name
from records.lane_registry import LaneReport, is_silent

RENEWED_WITHIN_MS = 4_000  # aggregators renew every 2 s
_OUT_OF_STEP_MS, _FAR_OUT_OF_STEP_MS = 2_000, 30_000
_NAMED = 3  # lanes of a finding; the others are counted


class LaneLook(msgspec.Struct, frozen=True):
    """One lane at one look."""

    report: LaneReport
    settled: int  # every click up to it is in ClickHouse
    owner: str  # the aggregator that holds the lease, "" where none does
    lease_age_ms: int  # since it was renewed; 0 where that is not known
    entries: int  # of the stream
    pending: int  # of these, how many were read and not acknowledged

    @property
    def waiting(self) -> int:
        """Clicks in Redis that are not in ClickHouse."""
        return max(self.report.shipped - self.settled, 0)

    @property
    def unshipped(self) -> int:
        """Clicks in the spool of the edge alone."""
        return max(self.report.spooled - self.report.shipped, 0)

    @property
    def unspooled(self) -> int:
        """Clicks in the memory of the edge alone."""
        return max(self.report.answered - self.report.unrecorded - self.report.spooled, 0)


class Look(msgspec.Struct, frozen=True):
    at_ms: int  # by the clock of Redis
    lanes: Mapping[int, LaneLook]

    @property
    def is_at_rest(self) -> bool:
        """Nothing waits: a second look would show nothing more."""
        return not any(lane.waiting or lane.unshipped or lane.unspooled for lane in self.lanes.values())


def flow_of(before: Look, after: Look) -> list[Finding]:
    """What two looks, some seconds apart, show."""
    if not after.lanes:
        return [ok("clicks", "no edge has registered a lane yet, nothing waits")]
    both = {lane: (before.lanes[lane], look) for lane, look in after.lanes.items() if lane in before.lanes}
    return [
        _aggregators(after),
        _leases(after),
        _aggregation(both, after),
        _shipping(both),
        _spooling(both),
        _reports(after),
        _clocks(both, after.at_ms),
    ]


def _aggregators(after: Look) -> Finding:
    owners = {lane.owner for lane in after.lanes.values() if lane.owner}
    if owners:
        return ok("aggregators", f"{len(owners)} at work")
    remedy = "start one, or read its log: at its start it waits for ClickHouse (docs/runbook.md#aggregator-lag)"
    return broken("aggregators", f"none holds any of {_count(len(after.lanes), 'lane')}", remedy)


def _leases(after: Look) -> Finding:
    if not any(lane.owner for lane in after.lanes.values()):
        return warning("leases", "nobody holds one", "see aggregators")
    orphans = [name for name, lane in after.lanes.items() if not lane.owner]
    if orphans:
        found = f"nobody holds {_named(orphans)}"
        return warning("leases", found, "look again in 10 s: an aggregator takes a free lane in 2 s")
    stale = [lane for lane in after.lanes.values() if lane.lease_age_ms > RENEWED_WITHIN_MS]
    if stale:
        found = f"{stale[0].owner} has not renewed its leases for {stale[0].lease_age_ms / 1000:.0f} s"
        remedy = "see whether that process is stopped or starved of CPU; restart it (docs/runbook.md#lease-not-held)"
        return warning("leases", found, remedy)
    return ok("leases", "every lane is held and renewed")


def _aggregation(both: Mapping[int, tuple[LaneLook, LaneLook]], after: Look) -> Finding:
    check, waiting = "clicks in redis", sum(lane.waiting for lane in after.lanes.values())
    stuck = {
        name: new for name, (old, new) in both.items() if old.waiting and new.waiting and new.settled <= old.settled
    }
    if not stuck:
        return ok(check, f"{_count(waiting, 'click')} on their way to ClickHouse")
    clicks = sum(lane.waiting for lane in stuck.values())
    found = f"{_count(clicks, 'click')} of {_named(stuck)} wait and do not move"
    return broken(check, found, _why_stuck(list(stuck.values())))


def _why_stuck(stuck: list[LaneLook]) -> str:
    if not any(lane.owner for lane in stuck):
        return "no aggregator holds the lane: start one, or add one (docs/runbook.md#aggregator-lag)"
    owner = next(lane.owner for lane in stuck if lane.owner)
    if not any(lane.entries for lane in stuck):
        return "their stream is gone: is the edge that has them in its spool running? (docs/runbook.md#redis-flushed)"
    if any(lane.pending for lane in stuck):
        return f"{owner} has read them: see `insert_deferred` in its log (docs/runbook.md#aggregator-lag)"
    return f"{owner} does not read them: see its log, then restart it (docs/runbook.md#aggregator-lag)"


def _shipping(both: Mapping[int, tuple[LaneLook, LaneLook]]) -> Finding:
    check, unshipped = "clicks in spools", sum(new.unshipped for _, new in both.values())
    stuck = {
        name: new
        for name, (old, new) in both.items()
        if old.unshipped and new.unshipped and new.report.shipped <= old.report.shipped
    }
    if not stuck:
        return ok(check, f"{_count(unshipped, 'click')} on their way to Redis")
    clicks = sum(lane.unshipped for lane in stuck.values())
    found = f"edge {_edges(stuck.values())} does not ship {_count(clicks, 'click')}"
    remedy = "see `shipping_deferred` in its log, and redis memory above (docs/runbook.md#spool)"
    return broken(check, found, remedy)


def _spooling(both: Mapping[int, tuple[LaneLook, LaneLook]]) -> Finding:
    check = "clicks in memory"
    lost = sum(new.report.unrecorded for _, new in both.values())
    held = [new for old, new in both.values() if old.unspooled and new.unspooled]
    if held:
        found = f"the disk of edge {_edges(held)} takes none of {_count(sum(one.unspooled for one in held), 'click')}"
        return broken(check, found, "free that disk now: a crash loses what is in memory (docs/runbook.md#spool)")
    if lost:
        found = f"{_count(lost, 'click')} lost: disk and memory of an edge were full"
        return warning(check, found, "the ledger has them; give the spool more disk (docs/runbook.md#clicks-lost)")
    return ok(check, "every click is on a disk")


def _reports(after: Look) -> Finding:
    silent = [lane for lane in after.lanes.values() if is_silent(lane.report, after.at_ms)]
    if not silent:
        return ok("edges", f"{_edges(after.lanes.values())} reported within a minute")
    minutes = (after.at_ms - min(lane.report.updated_at_ms for lane in silent)) / 60_000
    found = f"edge {_edges(silent)} has not reported for {minutes:.0f} min"
    return warning("edges", found, "start it on its disk again, or close its lanes (docs/runbook.md#lost-host)")


def _clocks(both: Mapping[int, tuple[LaneLook, LaneLook]], at_ms: int) -> Finding:
    """A report is at most a second old when its edge reports: what it is older or newer by is its clock."""
    check = "clocks of edges"
    reported = [new.report for old, new in both.values() if new.report.updated_at_ms != old.report.updated_at_ms]
    if not reported:
        return ok(check, "no edge reported meanwhile")
    worst = max(reported, key=lambda report: abs(report.updated_at_ms - at_ms))
    ahead_ms = worst.updated_at_ms - at_ms
    if abs(ahead_ms) <= _OUT_OF_STEP_MS:
        return ok(check, "in step with that of Redis")
    found = f"edge {worst.edge_id} is {abs(ahead_ms) / 1000:.0f} s {'ahead of' if ahead_ms > 0 else 'behind'} Redis"
    remedy = "let NTP set both: clicks carry the edge's time, links expire by it"
    return (broken if abs(ahead_ms) > _FAR_OUT_OF_STEP_MS else warning)(check, found, remedy)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(lanes: Mapping[int, LaneLook] | list[int]) -> str:
    names = [lane_name(lane) for lane in lanes]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"lane {', '.join(names[:_NAMED])}{more}"


def _edges(lanes: object) -> str:
    names = sorted({lane.report.edge_id for lane in lanes})  # type: ignore[attr-defined]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
