"""Who is waited for when Redis does not know its aggregators, and who is not."""

import asyncio
import time

import pytest

from aggregator.leases import LEASE_S
from records.keys import KNOWN_RUN
from tests.support.aggregator import Aggregator, add, register

SOON_S = 3.0


@pytest.fixture
def aggregator(redis, clickhouse):
    return Aggregator(redis, clickhouse)


async def seconds_to_move(redis, clickhouse, aggregators, lane):
    """From the first click of a new lane to its row."""
    await register(redis, lane)
    await add(redis, 1, 1, lane)
    started = time.monotonic()
    running = [asyncio.create_task(one.pipeline.run()) for one in aggregators]
    async with asyncio.timeout(20):
        while not await clickhouse.value(f"SELECT count() FROM clicks WHERE lane = {lane}"):
            await asyncio.sleep(0.02)
    took_s = time.monotonic() - started
    for one in aggregators:
        one.pipeline.stop()
    await asyncio.gather(*running)
    return took_s


async def test_nobody_is_waited_for_on_a_new_system(redis, clickhouse, aggregator):
    assert await seconds_to_move(redis, clickhouse, [aggregator], lane=1) < SOON_S


async def test_two_aggregators_that_begin_on_a_new_system_do_not_wait_for_each_other(redis, clickhouse, aggregator):
    both = [aggregator, Aggregator(redis, clickhouse)]

    assert await seconds_to_move(redis, clickhouse, both, lane=1) < SOON_S


async def test_nobody_is_waited_for_when_a_new_edge_comes(redis, clickhouse, aggregator):
    await seconds_to_move(redis, clickhouse, [aggregator], lane=1)

    assert await seconds_to_move(redis, clickhouse, [Aggregator(redis, clickhouse)], lane=2) < SOON_S


async def test_a_lease_is_waited_for_when_redis_was_emptied_on_a_system_with_nothing_but_dead_letters(
    redis, clickhouse, aggregator
):
    await clickhouse.insert_rows("dead_clicks", [{"lane": 7, "seq": 1, "reason": "odd", "payload": ""}])

    assert await seconds_to_move(redis, clickhouse, [aggregator], lane=1) > LEASE_S - 1


async def test_a_redis_emptied_again_is_not_called_settled(redis, clickhouse, aggregator):
    run = aggregator.lanes.redis_run
    known = await run.look()
    await redis.flushall()

    await run.settle(known)

    assert not (await run.look()).is_settled


async def test_what_is_settled_stays_so_until_another_run_of_redis(redis, aggregator):
    run = aggregator.lanes.redis_run
    await run.settle(await run.look())
    assert (await run.look()).is_settled

    await redis.set(KNOWN_RUN, "another")

    assert not (await run.look()).is_settled
    assert (await run.look()).for_s < 1
