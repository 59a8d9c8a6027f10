from aggregator.lease_store import RedisLeaseStore
from tests.support.eventually import eventually


async def test_aggregators_with_a_heartbeat_are_counted_and_those_that_leave_or_fall_silent_are_not(redis):
    one, two, three = (RedisLeaseStore(redis, name, 1.0) for name in ("one", "two", "three"))
    assert [await store.heartbeat() for store in (one, two, three)] == [1, 2, 3]

    await two.withdraw()
    assert await one.heartbeat() == 2

    await eventually(one.heartbeat, equals=1)
