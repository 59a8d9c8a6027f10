"""A task that asks Redis ends when it is told to, at whichever step of the event loop that is."""

import asyncio

from redis.asyncio import Redis

from runtime.store_health import Stores


async def test_a_task_that_asks_redis_ends_at_whichever_step_it_is_cancelled(valkey_url):
    client = Redis.from_url(valkey_url, socket_timeout=5)
    await client.ping()

    async def ends_when_cancelled_at(step):
        watching = asyncio.create_task(Stores(redis=client.ping).watch())
        for _ in range(step):
            await asyncio.sleep(0)
        watching.cancel()
        ended, _ = await asyncio.wait({watching}, timeout=5)
        watching.cancel()
        return bool(ended)

    assert [step for step in range(40) if not await ends_when_cancelled_at(step)] == []
    await client.aclose()
