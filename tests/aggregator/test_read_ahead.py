"""The next batch is read while one is inserted; what is read ahead is left to whoever owns its lane by then."""

import asyncio

from aggregator.assembly import stores_in
from records.keys import GROUP, WATERMARKS, click_stream, lane_name, lease_key
from tests.support.aggregator import LANE, Aggregator, add, counts, register

ENTRIES_AT_ONCE = 256  # of one lane
OTHER = LANE + 1


class Held:
    """A server of INSERTs that sends them on when it is let."""

    def __init__(self, inner):
        self.inner = inner
        self.sent, self.go_on = asyncio.Event(), asyncio.Event()

    async def send(self, statement, body, query_id):
        self.sent.set()
        await self.go_on.wait()
        await self.inner.send(statement, body, query_id)

    async def kill(self, query_id_prefix):
        await self.inner.kill(query_id_prefix)

    async def now_s(self):
        return await self.inner.now_s()


async def waiting(redis, lane=LANE, entries=2 * ENTRIES_AT_ONCE):
    """Two batches of one lane, one click an entry."""
    await register(redis, lane)
    for seq in range(1, entries + 1):
        await add(redis, seq, 1, lane)


async def pending(redis, lane=LANE):
    return (await redis.xpending(click_stream(lane), GROUP))["pending"]


async def test_the_next_batch_is_read_while_one_is_inserted(redis, clickhouse):
    await waiting(redis)
    held = []

    def stores_of(*of):
        stores = stores_in(*of)
        held.append(Held(stores.inserts))
        return stores._replace(inserts=held[0])

    aggregator = Aggregator(redis, clickhouse, stores_of=stores_of)
    moving = asyncio.create_task(aggregator.pipeline.move_one_batch())
    await held[0].sent.wait()
    while await pending(redis) < 2 * ENTRIES_AT_ONCE:
        await asyncio.sleep(0.01)
    assert (await counts(clickhouse))[0] == 0
    assert not await redis.hexists(WATERMARKS, lane_name(LANE))

    held[0].go_on.set()
    assert await moving == ENTRIES_AT_ONCE
    assert await pending(redis) == ENTRIES_AT_ONCE, "what was read ahead is not acknowledged"

    await aggregator.move_all()
    assert await counts(clickhouse) == (2 * ENTRIES_AT_ONCE,) * 3
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == str(2 * ENTRIES_AT_ONCE).encode()
    assert await redis.xlen(click_stream(LANE)) == 0


async def test_what_was_read_ahead_of_a_lane_given_back_is_moved_by_its_next_owner(redis, clickhouse):
    await waiting(redis)
    await waiting(redis, OTHER)
    aggregator = Aggregator(redis, clickhouse)
    await aggregator.pipeline.move_one_batch()
    assert await pending(redis)

    await aggregator.leases.hand_over([aggregator.leases.owned[LANE]])
    await Aggregator(redis, clickhouse).move_all()
    await aggregator.move_all()

    assert await counts(clickhouse) == (4 * ENTRIES_AT_ONCE,) * 3
    for lane in (LANE, OTHER):
        assert await redis.hget(WATERMARKS, lane_name(lane)) == str(2 * ENTRIES_AT_ONCE).encode()
    assert aggregator.pipeline.progress.verifications == 0, "no row was in doubt"


async def test_what_was_read_ahead_before_a_doubt_is_read_again(redis, clickhouse):
    """Every row of it might be there: the tables are asked."""
    await waiting(redis)
    aggregator = Aggregator(redis, clickhouse)
    await aggregator.pipeline.move_one_batch()
    aggregator.leases.doubt_all()

    await aggregator.move_all()

    assert await counts(clickhouse) == (2 * ENTRIES_AT_ONCE,) * 3
    assert await redis.xlen(click_stream(LANE)) == 0


async def test_what_was_read_ahead_of_a_lane_that_was_lost_and_acquired_again_is_read_again(redis, clickhouse):
    await waiting(redis)
    aggregator = Aggregator(redis, clickhouse)
    await aggregator.pipeline.move_one_batch()
    await redis.set(lease_key(LANE), "another")
    await aggregator.leases.renew()
    await redis.delete(lease_key(LANE))
    # Another owner moved what was read ahead.
    other = Aggregator(redis, clickhouse)
    await other.move_all()
    await other.leases.leave()

    await aggregator.leases.renew_and_acquire()
    await aggregator.move_all()

    assert await counts(clickhouse) == (2 * ENTRIES_AT_ONCE,) * 3


async def test_what_is_in_hand_is_not_taken_for_what_another_reader_has_pending(redis, clickhouse):
    """Its lanes would be recovered again once a second."""
    await waiting(redis, entries=3 * ENTRIES_AT_ONCE)
    aggregator = Aggregator(redis, clickhouse, upkeep_every_s=0)
    await aggregator.pipeline.move_one_batch()
    recovered, in_hand = aggregator.leases.owned[LANE], await pending(redis)

    await aggregator.upkeep.run_when_due({LANE: in_hand})
    assert recovered.is_recovered

    await aggregator.upkeep.run_when_due({LANE: in_hand - 1})
    assert not recovered.is_recovered
