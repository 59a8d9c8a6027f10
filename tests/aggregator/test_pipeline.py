"""The pipeline's promise on a real Valkey and a real ClickHouse engine: each click once, whatever happened before."""

import msgspec
import pytest

from aggregator.leases import LEASE_S, RENEW_S, UNREGISTERED_AFTER_S
from aggregator.owned_lane import LeaseLost
from records.keys import ENTRY_FIELD, GROUP, LANES, WATERMARKS, click_stream, lane_name, lease_key
from tests.support.aggregator import LANE, Aggregator, add, counts, register
from tests.support.clock import FastClock
from tests.support.frames import CLICK


@pytest.fixture
def aggregator(redis, clickhouse):
    return Aggregator(redis, clickhouse)


async def test_clicks_become_rows_and_are_acknowledged(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 3)
    await add(redis, 4, 2)

    await aggregator.move_all()

    assert await counts(clickhouse) == (5, 5, 5)
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"5"
    assert await redis.xlen(click_stream(LANE)) == 0
    assert (await redis.xpending(click_stream(LANE), GROUP))["pending"] == 0


async def test_a_crash_between_insert_and_acknowledgement_doubles_nothing(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 3)
    await aggregator.move_all()
    # The rows are in and the entries are pending again, as after a kill right before the acknowledgement.
    await redis.delete(click_stream(LANE), WATERMARKS, lease_key(LANE))
    await add(redis, 1, 3)
    await redis.xgroup_create(click_stream(LANE), GROUP, id="0")
    await redis.xreadgroup(GROUP, "owner", {click_stream(LANE): ">"})
    await add(redis, 4, 1)

    await Aggregator(redis, clickhouse).move_all()

    assert await counts(clickhouse) == (4, 4, 4)
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"4"


async def test_a_crash_between_two_partitions_inserts_only_the_second(redis, clickhouse, aggregator):
    january, february = 1_769_903_999_999, 1_769_904_000_000  # the two sides of a month's end, UTC
    clicks = [msgspec.structs.replace(CLICK, clicked_at_ms=at) for at in (january, february, january, february)]
    await register(redis)
    await add(redis, 1, 4, clicks=clicks)
    await aggregator.move_all()
    await clickhouse.execute("ALTER TABLE clicks DROP PARTITION 202602")
    await redis.delete(click_stream(LANE), WATERMARKS, lease_key(LANE))
    await add(redis, 1, 4, clicks=clicks)

    await Aggregator(redis, clickhouse).move_all()

    assert await counts(clickhouse) == (4, 4, 4)
    months = await clickhouse.value("SELECT groupArray(n) FROM (SELECT count() n FROM clicks GROUP BY _partition_id)")
    assert months == [2, 2]


async def test_a_wiped_redis_and_a_stream_sent_again_double_nothing(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 3)
    await aggregator.move_all()

    await redis.flushall()
    await register(redis)
    await add(redis, 1, 3)
    await add(redis, 4, 2)
    await aggregator.move_all()

    assert await counts(clickhouse) == (5, 5, 5)


async def test_an_entry_that_does_not_decode_is_set_aside_and_the_stream_goes_on(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 1)
    await redis.xadd(click_stream(LANE), {ENTRY_FIELD: b"junk"}, id="2-0")
    await add(redis, 3, 1)

    await aggregator.move_all()

    assert (await counts(clickhouse))[0] == 2
    (dead,) = await clickhouse.rows("SELECT lane, seq, reason, base64Decode(payload) AS payload FROM dead_clicks", dict)
    assert (dead["lane"], dead["seq"], dead["payload"]) == (LANE, 2, "junk")
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"3"


async def test_a_hole_is_kept_out_of_the_watermark_and_the_edge_is_asked_to_send_again(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 2)
    await add(redis, 6, 1)

    await aggregator.move_all()

    assert (await counts(clickhouse))[0] == 3
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"2"
    assert not await redis.exists(click_stream(LANE))

    await add(redis, 3, 4)
    await aggregator.move_all()

    assert await counts(clickhouse) == (6, 6, 6)
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"6"


async def test_an_edge_that_cannot_fill_a_hole_is_asked_once(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 5, 1)
    await aggregator.move_all()
    await add(redis, 6, 1)

    await aggregator.move_all()

    assert await redis.exists(click_stream(LANE))
    assert (await counts(clickhouse))[0] == 2


async def test_an_edge_is_asked_again_when_redis_may_have_lost_what_it_was_asked(redis, clickhouse, aggregator):
    """A replica took its place that had not heard of it."""
    await register(redis)
    await add(redis, 5, 1)
    await aggregator.move_all()
    await add(redis, 5, 1)
    aggregator.leases.doubt_all()

    await aggregator.move_all()

    assert not await redis.exists(click_stream(LANE))


async def taken_by_another_reader(redis):
    """As by a former owner that wakes up late."""
    ((_, entries),) = await redis.xreadgroup(GROUP, "owner", {click_stream(LANE): ">"})
    assert entries


async def test_what_another_reader_has_pending_is_moved_though_no_click_follows(redis, clickhouse):
    aggregator = Aggregator(redis, clickhouse, upkeep_every_s=0)
    await register(redis)
    await add(redis, 1, 2)
    await aggregator.move_all()
    await add(redis, 3, 2)
    await taken_by_another_reader(redis)

    await aggregator.move_all()

    assert await counts(clickhouse) == (4, 4, 4)
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"4"


async def test_what_another_reader_has_pending_is_not_trimmed_and_fills_the_hole(redis, clickhouse, aggregator):
    """Nobody else may have it: the disk of its edge may be gone."""
    await register(redis)
    await add(redis, 1, 2)
    await aggregator.move_all()
    await add(redis, 3, 2)
    await taken_by_another_reader(redis)
    await add(redis, 5, 2)

    await aggregator.pipeline.move_one_batch()
    assert [entry_id for entry_id, _ in await redis.xrange(click_stream(LANE))] == [b"4-0", b"6-0"]

    await aggregator.move_all()
    assert await counts(clickhouse) == (6, 6, 6)
    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"6"

    await add(redis, 7, 1)
    await aggregator.move_all()
    assert await redis.xlen(click_stream(LANE)) == 0


async def test_a_lane_whose_end_redis_has_lost_is_given_back(redis, clickhouse):
    """Else it would count as a part of this aggregator's share for ever, and another lane would have no owner."""
    clock = FastClock()
    aggregator = Aggregator(redis, clickhouse, clock=clock)
    await register(redis)
    await add(redis, 1, 2)
    await aggregator.move_all()
    await redis.hdel(LANES, lane_name(LANE))

    clock.ahead_s += RENEW_S
    await aggregator.move_all()
    assert list(aggregator.leases.owned) == [LANE], "its edge may register it again"

    while clock.ahead_s < UNREGISTERED_AFTER_S:
        clock.ahead_s += RENEW_S
        await aggregator.move_all()
    assert list(aggregator.leases.owned) == []
    assert not await redis.exists(lease_key(LANE))


async def test_an_unregistered_lane_that_still_has_clicks_is_kept(redis, clickhouse):
    clock = FastClock()
    aggregator = Aggregator(redis, clickhouse, clock=clock)
    await register(redis)
    await add(redis, 1, 2)
    await aggregator.move_all()
    await redis.hdel(LANES, lane_name(LANE))

    while clock.ahead_s < 2 * UNREGISTERED_AFTER_S:
        await add(redis, 3 + int(clock.ahead_s), 2)
        clock.ahead_s += RENEW_S
        await aggregator.upkeep.run_when_due({})

    assert list(aggregator.leases.owned) == [LANE]


async def test_a_lane_that_another_aggregator_holds_is_left_alone(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 1)
    await aggregator.move_all()
    await add(redis, 2, 1)

    await Aggregator(redis, clickhouse).move_all()

    assert (await counts(clickhouse))[0] == 1


async def test_nothing_is_written_for_a_lane_whose_lease_has_lapsed(redis, clickhouse):
    clock = FastClock()
    aggregator = Aggregator(redis, clickhouse, clock=clock, upkeep_every_s=2 * LEASE_S)
    await register(redis)
    await aggregator.move_all()
    await add(redis, 1, 1)
    clock.ahead_s = LEASE_S

    with pytest.raises(LeaseLost):
        await aggregator.pipeline.move_one_batch()

    assert (await counts(clickhouse))[0] == 0


async def test_a_lane_given_back_is_taken_at_once(redis, clickhouse, aggregator):
    await register(redis)
    await add(redis, 1, 1)
    await aggregator.move_all()
    await aggregator.leases.leave()
    await add(redis, 2, 1)

    await Aggregator(redis, clickhouse).move_all()

    assert await counts(clickhouse) == (2, 2, 2)


async def test_an_ended_lane_leaves_redis_and_stays_in_the_books(redis, clickhouse):
    aggregator = Aggregator(redis, clickhouse, upkeep_every_s=0)
    await register(redis, spooled=3, ended=True)
    await add(redis, 1, 3)

    await aggregator.move_all()

    assert await redis.keys("tt:clicks:*") == []
    assert await redis.hlen(LANES) == 0
    ended = "SELECT last_seq FROM taptrail_internal.ended_lanes WHERE lane = {lane:UInt64}"
    assert await clickhouse.value(ended, lane=LANE) == 3


async def test_many_lanes_share_one_insert(redis, clickhouse, aggregator):
    for lane in range(1, 31):
        await register(redis, lane)
        await add(redis, 1, 10, lane)

    await aggregator.move_all()

    assert await counts(clickhouse) == (300, 300, 300)
    assert await clickhouse.value("SELECT count() FROM system.parts WHERE table = 'clicks' AND active") == 1


async def test_many_lanes_of_small_entries_are_read_on_without_a_rest_and_more_at_once(redis, clickhouse):
    for lane in range(1, 65):
        await register(redis, lane)
        for seq in range(1, 31):
            await add(redis, seq, 1, lane)
    aggregator = Aggregator(redis, clickhouse)

    moved = [await aggregator.pipeline.move_one_batch()]
    while not aggregator.pipeline.is_at_end:
        moved.append(await aggregator.pipeline.move_one_batch())

    assert sum(moved) == 64 * 30
    assert moved[0] < moved[1] < moved[2]
    assert len(moved) <= 4
    assert await counts(clickhouse) == (64 * 30,) * 3
