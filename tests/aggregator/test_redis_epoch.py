"""When an aggregator waits because Redis may have lost leases, and when it does not."""

import asyncio
import time

import pytest

from aggregator.leases import LEASE_S
from aggregator.redis_epoch import RedisEpochs
from records.keys import KNOWN_EPOCH
from tests.support.aggregator import Aggregator, add, register
from tests.support.eventually import eventually

SOON_S = LEASE_S - 1  # no lease was waited for


@pytest.fixture
def aggregator(redis, clickhouse):
    return Aggregator(redis, clickhouse)


async def seconds_to_move(redis, clickhouse, aggregators, lane):
    """From the first click of a new lane to its row."""
    await register(redis, lane)
    await add(redis, 1, 1, lane)
    started = time.monotonic()
    running = [asyncio.create_task(aggregator.pipeline.run()) for aggregator in aggregators]
    await eventually(lambda: clickhouse.value(f"SELECT count() FROM clicks WHERE lane = {lane}"))
    took_s = time.monotonic() - started
    for aggregator in aggregators:
        aggregator.stop()
    await asyncio.gather(*running)
    return took_s


async def test_the_first_lane_of_a_new_system_waits_for_no_lease(redis, clickhouse, aggregator):
    assert await seconds_to_move(redis, clickhouse, [aggregator], lane=1) < SOON_S


async def test_two_aggregators_that_begin_on_a_new_system_do_not_wait_for_each_other(redis, clickhouse, aggregator):
    both = [aggregator, Aggregator(redis, clickhouse)]

    assert await seconds_to_move(redis, clickhouse, both, lane=1) < SOON_S


async def test_the_lane_of_a_new_edge_waits_for_no_lease(redis, clickhouse, aggregator):
    await seconds_to_move(redis, clickhouse, [aggregator], lane=1)

    assert await seconds_to_move(redis, clickhouse, [Aggregator(redis, clickhouse)], lane=2) < SOON_S


async def test_a_lease_is_waited_for_when_redis_was_emptied_on_a_system_with_nothing_but_dead_letters(
    redis, clickhouse, aggregator
):
    await clickhouse.insert_rows("dead_clicks", [{"lane": 7, "seq": 1, "reason": "odd", "payload": ""}])

    assert await seconds_to_move(redis, clickhouse, [aggregator], lane=1) > LEASE_S - 1


async def test_a_redis_emptied_again_is_not_confirmed(redis):
    epochs = RedisEpochs(redis, "one")
    epoch = await epochs.current()
    await redis.flushall()

    await epochs.confirm(epoch)

    assert not (await epochs.current()).is_confirmed


async def test_what_is_confirmed_stays_so_until_another_run_of_redis(redis):
    epochs = RedisEpochs(redis, "one")
    await epochs.confirm(await epochs.current())
    assert (await epochs.current()).is_confirmed

    await redis.set(KNOWN_EPOCH, "another")

    assert not (await epochs.current()).is_confirmed


@pytest.mark.parametrize("is_emptied", [False, True])
async def test_only_leases_that_may_be_lost_are_warned_of_and_once(redis, clickhouse, aggregator, caplog, is_emptied):
    caplog.set_level("INFO")
    await seconds_to_move(redis, clickhouse, [aggregator], lane=1)
    if is_emptied:
        await redis.flushall()
    else:
        await redis.set(KNOWN_EPOCH, "abcdef0123")  # what the run before a clean restart left

    await seconds_to_move(redis, clickhouse, [Aggregator(redis, clickhouse)], lane=2)

    said = [record.message.partition(":")[0] for record in caplog.records]
    waits = [event for event in said if event in ("leases_lost", "redis_restarted")]
    assert waits == ["leases_lost" if is_emptied else "redis_restarted"]
