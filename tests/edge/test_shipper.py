"""The states of one lane's shipper, on a real Redis and a real spool."""

import asyncio

import msgspec
import pytest
from redis.asyncio import Redis

from edge.lane_source import AdoptedLane, OwnLane
from edge.recorder import Recorder
from edge.redis_wire import RedisWire
from edge.shipper import LINGER_S, Shipper
from edge.shipper_state import TRANSITIONS, Event, State
from edge.spool import Spool
from records.address import AddressCipher
from records.click import encode_frame, frames_in
from records.keys import ENTRY_FIELD, LANES, WATERMARKS, click_stream, lane_name
from records.lane_registry import LaneReport, report_in
from tests.support.edge import CODE_KEY
from tests.support.eventually import eventually
from tests.support.frames import CLICK

LANE = 7

pytestmark = pytest.mark.servers


@pytest.fixture
def spool(tmp_path):
    spool = Spool.create(tmp_path, LANE)
    yield spool
    spool.close()


@pytest.fixture
async def wire(own_valkey):
    wire = RedisWire(own_valkey.url)
    connecting = asyncio.create_task(wire.keep_connected())
    await wire.wait_connected(10)
    yield wire
    connecting.cancel()


@pytest.fixture
async def redis(own_valkey, wire):
    async with Redis.from_url(own_valkey.url) as client:
        yield client


@pytest.fixture
async def shipping(wire):
    """Runs the shipper of a lane."""
    running = []

    def ship(lane, news=None):
        shipper = Shipper(wire, lane, "edge-1", news or asyncio.Event())
        running.append(asyncio.create_task(shipper.run()))
        return shipper

    yield ship
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def append(spool, count):
    for _ in range(count):
        seq = spool.last_seq + 1
        spool.append(encode_frame("edge-1", seq, [CLICK]), seq)


async def is_shipped(shipper, seq):
    await eventually(lambda: (shipper.state, shipper.progress.shipped), equals=(State.SHIPPING, seq))


async def settle(redis, seq):
    """As an aggregator does."""
    await redis.hset(WATERMARKS, lane_name(LANE), seq)


def test_every_state_but_the_last_can_be_left_and_every_one_be_reached():
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.ENDED}
    assert set(TRANSITIONS.values()) == set(State)
    assert {event for _, event in TRANSITIONS} == set(Event)


async def test_an_adopted_lane_ends_when_all_of_it_is_in_clickhouse(spool, redis, shipping):
    append(spool, 3)
    shipper = shipping(AdoptedLane(spool))
    await is_shipped(shipper, 3)
    assert spool.directory.exists()

    await settle(redis, 3)

    await eventually(lambda: shipper.state, equals=State.ENDED)
    assert not spool.directory.exists()
    report = report_in(await redis.hget(LANES, lane_name(LANE)))
    assert (report.answered, report.spooled, report.shipped, report.ended) == (3, 3, 3, True)


async def test_an_own_lane_ends_only_when_its_process_answers_no_more(spool, redis, shipping):
    news = asyncio.Event()
    lane = OwnLane(spool, Recorder(spool, AddressCipher(CODE_KEY), "edge-1", on_spooled=news.set))
    append(spool, 2)
    shipper = shipping(lane, news)
    await settle(redis, 2)
    await eventually(lambda: shipper.progress.settled, equals=2)
    assert not report_in(await redis.hget(LANES, lane_name(LANE))).ended

    lane.finish()

    await eventually(lambda: shipper.state, equals=State.ENDED)


async def test_visits_that_a_dead_process_reported_and_did_not_spool_count_as_unrecorded(spool, redis, shipping):
    append(spool, 2)
    former = LaneReport("edge-1", answered=5, spooled=2, shipped=0, updated_at_ms=1)
    await redis.hset(LANES, lane_name(LANE), msgspec.json.encode(former))

    shipping(AdoptedLane(spool))

    report = await eventually(
        lambda: redis.hget(LANES, lane_name(LANE)), lambda value: report_in(value).updated_at_ms > 1
    )
    assert (report_in(report).answered, report_in(report).unrecorded) == (5, 3)


async def test_a_shipper_backs_off_while_redis_refuses_clicks_and_goes_on_by_itself(spool, redis, shipping):
    await redis.config_set("maxmemory", 1)
    append(spool, 2)
    shipper = shipping(AdoptedLane(spool))
    await eventually(lambda: shipper.state, equals=State.BACKING_OFF)
    assert shipper.retries >= 1

    await redis.config_set("maxmemory", 0)

    await is_shipped(shipper, 2)
    ((last_id, _),) = await redis.xrevrange(click_stream(LANE), count=1)
    assert last_id == b"2-0"


async def test_clicks_that_keep_coming_are_gathered_into_few_entries(spool, redis, shipping):
    news = asyncio.Event()
    append(spool, 1)
    await is_shipped(shipper := shipping(AdoptedLane(spool), news), 1)
    began = asyncio.get_running_loop().time()

    for _ in range(300):
        append(spool, 1)
        news.set()
        await asyncio.sleep(0.001)

    await is_shipped(shipper, 301)
    took_s = asyncio.get_running_loop().time() - began
    assert await redis.xlen(click_stream(LANE)) <= took_s / LINGER_S + 2


async def test_a_stream_that_vanished_is_located_and_written_again(spool, redis, shipping):
    append(spool, 3)
    shipper = shipping(AdoptedLane(spool))
    await is_shipped(shipper, 3)

    await redis.delete(click_stream(LANE))

    (entry,) = await eventually(lambda: redis.xrevrange(click_stream(LANE), count=1))
    assert entry[0] == b"3-0"


async def test_what_a_former_process_sent_and_nobody_settled_counts_against_the_quota(spool, redis, shipping):
    append(spool, 3)
    await is_shipped(shipping(AdoptedLane(spool)), 3)

    next_shipper = shipping(AdoptedLane(spool))

    await is_shipped(next_shipper, 3)
    assert next_shipper.window.bytes == spool.size


async def test_after_a_new_connection_a_redis_that_lacks_the_latest_clicks_gets_them(spool, redis, wire, shipping):
    news = asyncio.Event()
    append(spool, 3)
    await is_shipped(shipping(AdoptedLane(spool), news), 3)
    await redis.delete(click_stream(LANE))
    await redis.xadd(click_stream(LANE), {ENTRY_FIELD: b""}, id="2-0")  # as a promoted replica has it
    wire.drop()
    await eventually(lambda: wire.connected and wire.connects, equals=2)

    append(spool, 1)
    news.set()

    await eventually(lambda: _last_id(redis), equals=b"4-0")
    frames = [frame for _, fields in await redis.xrange(click_stream(LANE)) for frame in frames_in(fields[ENTRY_FIELD])]
    assert [frame.first_seq for frame in frames] == [3, 4]


async def _last_id(redis):
    return (await redis.xrevrange(click_stream(LANE), count=1))[0][0]
