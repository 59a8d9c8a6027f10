import asyncio

from aggregator.lease_store import RedisLeaseStore


async def test_aggregators_with_a_heartbeat_are_counted_and_those_that_leave_or_fall_silent_are_not(redis):
    one, two, three = (RedisLeaseStore(redis, name, 0.2) for name in ("one", "two", "three"))
    assert [await store.heartbeat() for store in (one, two, three)] == [1, 2, 3]

    await two.withdraw()
    assert await one.heartbeat() == 2

    async with asyncio.timeout(10):
        while await one.heartbeat() != 1:
            await asyncio.sleep(0.05)
