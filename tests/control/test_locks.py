import asyncio

import pytest
from redis.asyncio import Redis

from control.http.problems import Problem
from control.locks import LEASE_MS, Locks
from records.keys import lock_key
from tests.support.eventually import eventually

KEY = lock_key("thing")


async def test_a_thing_that_one_process_holds_is_refused_to_another_until_it_is_free(redis):
    here, there = Locks(redis), Locks(redis)

    async with here.hold("thing", wait_s=0.0):
        with pytest.raises(Problem) as raised:
            async with there.hold("thing", wait_s=0.1):
                pass

    assert (raised.value.kind, raised.value.retry_after_s) == ("in-progress", 2)
    async with there.hold("thing", wait_s=0.0):
        assert await redis.exists(KEY)
    assert not await redis.exists(KEY)


async def test_a_lock_that_is_held_for_long_is_renewed(redis):
    async with Locks(redis).hold("thing", wait_s=0.0):
        await redis.pexpire(KEY, 5_000)

        await eventually(lambda: redis.pttl(KEY), lambda left_ms: left_ms > LEASE_MS - 1_000)


async def test_a_redis_that_lost_the_lock_gets_it_again(redis):
    async with Locks(redis).hold("thing", wait_s=0.0):
        await redis.flushall()

        await eventually(lambda: redis.exists(KEY))
    assert not await redis.exists(KEY)


async def test_a_lock_that_another_process_has_by_now_is_left_to_it(redis):
    async with Locks(redis).hold("thing", wait_s=0.0):
        await redis.set(KEY, "another", px=4_500)

        await eventually(lambda: redis.exists(KEY), equals=0)  # not renewed after 4 s
    assert not await redis.exists(KEY)


async def test_without_redis_a_thing_is_held_within_the_process_alone(own_valkey):
    away = Redis.from_url(own_valkey.url)
    own_valkey.kill()
    locks, entered = Locks(away), []

    async def enter(name):
        async with locks.hold("thing", wait_s=0.0):
            entered.append(name)
            await asyncio.sleep(0)
            entered.append(name)

    await asyncio.gather(enter("a"), enter("b"))

    assert entered == ["a", "a", "b", "b"]
    await away.aclose()
