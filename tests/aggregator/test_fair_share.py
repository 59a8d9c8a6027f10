import pytest

from aggregator.fair_share import PATIENCE_S, FairShare
from tests.support.clock import StoppedClock


@pytest.fixture
def clock():
    return StoppedClock()


def share_among(aggregators, clock):
    share = FairShare(clock)
    share.aggregators = aggregators
    return share


@pytest.mark.parametrize(
    ("lanes", "aggregators", "most"), [(6, 1, 6), (6, 2, 3), (7, 2, 4), (1, 3, 1), (0, 2, 0), (200, 3, 67)]
)
def test_together_the_shares_have_room_for_every_lane_and_hardly_more(clock, lanes, aggregators, most):
    share = share_among(aggregators, clock)

    share.update(lanes, 0)

    assert share.lanes == most


def test_a_surplus_is_given_back_when_it_has_lasted(clock):
    share = share_among(2, clock)

    share.update(6, 6)
    assert share.surplus == 0

    clock.now_s += PATIENCE_S
    share.update(6, 6)
    assert share.surplus == 3


def test_a_surplus_of_a_moment_moves_no_lane(clock):
    share = share_among(2, clock)
    for lanes in (6, 7, 6, 7):  # an edge restarts: its new lane is there, its old one has not ended yet
        share.update(lanes, 4)
        assert share.surplus == 0
        clock.now_s += PATIENCE_S - 0.1


@pytest.mark.parametrize("owned", [3, 4])
def test_shares_that_differ_by_one_lane_stay_as_they_are(clock, owned):
    share = share_among(2, clock)
    for _ in range(3):
        share.update(7, owned)
        clock.now_s += PATIENCE_S
        assert share.surplus == 0
