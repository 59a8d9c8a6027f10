import itertools

import pytest

from aggregator.decode import Span
from aggregator.owned_lane import TRANSITIONS, LaneEvent, LaneState, LeaseLost, OwnedLane

E, S = LaneEvent, LaneState
DO = {
    E.FENCE: OwnedLane.fence,
    E.LOCATE: lambda lane: lane.locate(0, 0),
    E.DOUBT: OwnedLane.doubt,
    E.END: OwnedLane.end,
}


def lane_after(*events):
    lane = OwnedLane(1, registered_at=0.0, held_until=8.0)
    for event in events:
        DO[event](lane)
    return lane


def located(floor, settled):
    lane = lane_after(E.FENCE)
    lane.locate(floor, settled)
    return lane


def test_a_lane_is_taken_over_in_two_steps_and_again_after_a_doubt():
    way = [E.FENCE, E.LOCATE, E.DOUBT, E.FENCE, E.LOCATE]

    states = [lane_after(*way[:steps]).state for steps in range(len(way) + 1)]

    assert states == [S.LEASED, S.FENCED, S.RECOVERED, S.DOUBTFUL, S.FENCED, S.RECOVERED]


@pytest.mark.parametrize("event", [E.FENCE, E.LOCATE, E.DOUBT])
def test_nothing_is_done_for_a_lane_whose_lease_has_ended(event):
    lane = lane_after(E.FENCE, E.LOCATE, E.END)

    with pytest.raises(LeaseLost, match="lane 0000000000000001"):
        DO[event](lane)


def test_a_lane_is_recovered_only_when_the_tables_were_asked_behind_the_fence():
    """In whatever order the steps come: between the last doubt and RECOVERED lies a fence, then the question."""
    for events in itertools.product(E, repeat=5):
        try:
            lane = lane_after(*events)
        except (LeaseLost, RuntimeError):
            continue
        if lane.is_recovered:
            last = [event for event in events if event is not E.DOUBT][-2:]
            assert (last, events[-1]) == ([E.FENCE, E.LOCATE], E.LOCATE)


def test_every_state_can_be_reached_and_ended():
    reached = {S.LEASED} | set(TRANSITIONS.values())

    assert reached == set(S)
    assert all(TRANSITIONS[state, E.END] is S.ENDED for state in S)


@pytest.mark.parametrize(("now", "is_held"), [(7.9, True), (8.0, False)])
def test_a_lease_is_over_at_its_end(now, is_held):
    lane = OwnedLane(1, registered_at=0.0, held_until=8.0)

    if is_held:
        lane.check_held(now)
    else:
        with pytest.raises(LeaseLost):
            lane.check_held(now)


def test_a_lane_is_settled_up_to_the_first_hole():
    lane = located(floor=2, settled=2)

    lane.acknowledge([Span(1, 3, 4), Span(2, 5, 9), Span(1, 7, 8)])

    assert (lane.settled, lane.floor) == (4, 8)


def test_a_resend_is_wanted_once_for_a_hole():
    lane = located(floor=0, settled=0)
    lane.acknowledge([Span(1, 3, 4)])
    assert [lane.wants_resend(), lane.wants_resend()] == [True, False]

    lane.acknowledge([Span(1, 1, 2), Span(1, 3, 4)])
    assert not lane.wants_resend()

    lane.acknowledge([Span(1, 6, 6)])
    assert lane.wants_resend()


def test_a_second_look_is_wanted_once_for_a_hole_and_before_a_resend():
    lane = located(floor=0, settled=0)
    lane.acknowledge([Span(1, 3, 4)])

    assert [lane.wants_second_look(), lane.wants_second_look()] == [True, False]


def test_a_resend_is_wanted_again_after_a_takeover():
    lane = located(floor=4, settled=1)
    assert [lane.wants_resend(), lane.wants_resend()] == [True, False]

    lane.doubt()
    lane.fence()
    lane.locate(4, 1)

    assert lane.wants_resend()
