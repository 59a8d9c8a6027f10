"""Leases by a clock that the test sets."""

import pytest

from aggregator.leases import LEASE_S, UNREGISTERED_AFTER_S, Leases
from aggregator.owned_lane import LaneState, LeaseLost
from records.keys import lane_name
from tests.model.memory_redis import MemoryRedis
from tests.model.memory_stores import ClearLine, MemoryLeaseStore
from tests.support.clock import StoppedClock

LANE = 7
REPORT = b'{"edge_id":"e","answered":1,"spooled":1,"shipped":1,"updated_at_ms":5}'


class SlowLine(ClearLine):
    """Something happens while a call is on its way, of the next ones in their order."""

    def __init__(self):
        super().__init__()
        self.on_the_way = []

    async def call(self, *steps):
        if self.on_the_way:
            self.on_the_way.pop(0)()
        return await super().call(*steps)


@pytest.fixture
def clock():
    return StoppedClock()


@pytest.fixture
def redis(clock):
    redis = MemoryRedis(clock.monotonic)
    redis.data.lanes[lane_name(LANE)] = REPORT
    return redis


@pytest.fixture
def line():
    return SlowLine()


@pytest.fixture
async def leases(redis, line, clock):
    leases = Leases(MemoryLeaseStore(redis, line, "one"), clock)
    await leases.renew_and_acquire()
    await leases.fence(leases.owned.values())
    leases.owned[LANE].locate(0, 0)
    return leases


async def test_a_lease_that_is_renewed_in_time_leaves_the_lane_as_it_is(leases, clock):
    clock.now_s += LEASE_S - 0.1

    await leases.renew()

    assert leases.owned[LANE].is_recovered
    assert leases.held_until(leases.owned.values()) == clock.now_s + LEASE_S


async def test_a_lane_whose_lease_has_lapsed_is_acquired_again(leases, clock):
    clock.now_s += LEASE_S
    with pytest.raises(LeaseLost):
        leases.held_until(leases.owned.values())

    await leases.renew_and_acquire()

    assert leases.owned[LANE].state is LaneState.LEASED


async def test_a_lane_is_acquired_again_when_its_lease_has_lapsed_before_its_renewal(leases, redis, line, clock):
    """Another aggregator has held it in between, written, and given it back."""

    def another_comes_and_goes():
        clock.now_s += LEASE_S + 1
        redis.hold(LANE, "two", LEASE_S, is_writer=True)
        redis.release(LANE, "two", is_at_rest=True)

    before = leases.owned[LANE]
    line.on_the_way = [lambda: None, another_comes_and_goes]  # the heartbeat, the leases
    await leases.renew()

    assert before.state is LaneState.ENDED
    assert leases.owned[LANE].state is LaneState.LEASED


async def test_a_lane_that_another_holds_by_now_is_not_fenced(leases, redis, clock):
    leases.doubt_all()
    redis.data.leases[LANE] = "two", clock.now_s + LEASE_S

    with pytest.raises(LeaseLost):
        await leases.fence(list(leases.owned.values()))

    assert leases.owned == {}


async def test_a_lane_is_unregistered_when_redis_has_not_named_it_for_a_while(leases, redis, clock):
    await leases.renew_and_acquire()
    assert leases.unregistered() == []
    redis.data.lanes.clear()

    for _ in range(3):
        clock.now_s += UNREGISTERED_AFTER_S / 2 - 1
        await leases.renew_and_acquire()
        assert leases.unregistered() == ([] if clock.now_s < 100 + UNREGISTERED_AFTER_S else [leases.owned[LANE]])
