"""What the doctor says of clicks that move or do not, from two looks."""

import msgspec
import pytest

from cli.doctor.command import lines_of
from cli.doctor.finding import broken
from cli.doctor.flow import LaneLook, Look, flow_of
from records.lane_registry import LaneReport

LANE = 0xABCDEF0123456789
NOW_MS = 1_790_000_000_000
SOUND = LaneLook(LaneReport("edge-1", 90, 90, 90, NOW_MS), settled=90, owner="agg-1", lease_age_ms=900, entries=0,
                 pending=0)  # fmt: skip


def with_report(look, **fields):
    return msgspec.structs.replace(look, report=msgspec.structs.replace(look.report, **fields))


def found(old, new):
    """not ok: check -> finding, of an edge that reported in between."""
    old = with_report(old, updated_at_ms=new.report.updated_at_ms - 3_000)
    findings = flow_of(Look(NOW_MS - 3_000, {LANE: old}), Look(NOW_MS, {LANE: new}))
    assert [one for one in findings if one.state != "ok" and not one.remedy] == []
    return {one.check: one for one in findings if one.state != "ok"}


def test_where_clicks_move_everything_is_ok():
    before = msgspec.structs.replace(SOUND, settled=50)
    after = with_report(msgspec.structs.replace(SOUND, settled=80), answered=120, spooled=110, shipped=100)

    assert found(before, after) == {}
    assert found(SOUND, SOUND) == {}


def test_where_no_edge_ever_ran_nothing_is_broken():
    nothing = Look(NOW_MS, {})

    assert [one.state for one in flow_of(nothing, nothing)] == ["ok"]


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"entries": 9, "pending": 9}, "agg-1 has read them: see `insert_deferred`"),
        ({"entries": 9}, "agg-1 does not read them"),
        ({"entries": 0}, "their stream is gone"),
        ({"entries": 9, "owner": ""}, "no aggregator holds the lane"),
    ],
    ids=str,
)
def test_clicks_that_wait_and_do_not_move_are_broken_and_the_remedy_says_where_they_stopped(changes, remedy):
    stuck = msgspec.structs.replace(SOUND, settled=48, **changes)

    finding = found(stuck, stuck)["clicks in redis"]

    assert (finding.state, finding.found) == ("broken", "42 clicks of lane abcdef0123456789 wait and do not move")
    assert finding.remedy.startswith(remedy)


def test_a_lane_that_moves_hides_none_that_is_stuck():
    moving = (msgspec.structs.replace(SOUND, settled=10), msgspec.structs.replace(SOUND, settled=80))
    stuck = msgspec.structs.replace(SOUND, settled=89)

    findings = flow_of(Look(NOW_MS, {1: moving[0], 2: stuck}), Look(NOW_MS, {1: moving[1], 2: stuck}))

    assert "1 click of lane 0000000000000002 wait" in next(one.found for one in findings if one.state == "broken")


def test_without_an_aggregator_the_pipeline_is_broken_before_a_click_waits():
    nobody = msgspec.structs.replace(SOUND, owner="", lease_age_ms=0)

    assert found(nobody, nobody)["aggregators"].state == "broken"


def test_a_lease_that_nobody_renews_names_its_owner():
    stopped = msgspec.structs.replace(SOUND, lease_age_ms=6_000)

    assert found(stopped, stopped)["leases"].found == "agg-1 has not renewed its leases for 6 s"


def test_an_edge_that_spools_and_does_not_ship_is_broken():
    spooling = with_report(SOUND, answered=95, spooled=95)

    assert found(spooling, with_report(spooling, shipped=91)) == {}
    assert found(spooling, spooling)["clicks in spools"].found == "edge edge-1 does not ship 5 clicks"


def test_an_edge_whose_disk_takes_nothing_is_broken_and_lost_clicks_stay_named():
    held = with_report(SOUND, answered=97)
    lost = with_report(SOUND, answered=97, unrecorded=7)

    assert found(held, held)["clicks in memory"].found == "the disk of edge edge-1 takes none of 7 clicks"
    assert found(lost, lost)["clicks in memory"].state == "warning"


def test_an_edge_that_is_silent_is_named():
    silent = with_report(SOUND, updated_at_ms=NOW_MS - 300_000)

    findings = flow_of(Look(NOW_MS - 3_000, {LANE: silent}), Look(NOW_MS, {LANE: silent}))

    assert [one.found for one in findings if one.state == "warning"] == ["edge edge-1 has not reported for 5 min"]


@pytest.mark.parametrize(("off_ms", "state"), [(3_000, "warning"), (-20_000, "warning"), (-45_000, "broken")])
def test_an_edge_whose_clock_is_out_of_step_is_named(off_ms, state):
    off = with_report(SOUND, updated_at_ms=NOW_MS + off_ms)

    finding = found(off, off)["clocks of edges"]

    assert finding.state == state
    assert finding.found == f"edge edge-1 is {abs(off_ms) // 1000} s {'ahead of' if off_ms > 0 else 'behind'} Redis"


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_finding_fits_the_terminal_and_its_text_keeps_its_column(columns):
    finding = broken("clickhouse grants, aggregator", "a word or two " * 12, "what to do about it " * 9)

    lines = lines_of(finding, 29, columns)

    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).split()) == (
        f"broken clickhouse grants, aggregator {finding.found}-> {finding.remedy}".strip()
    )
    assert all(line.startswith(" " * 8) for line in lines[1:])
