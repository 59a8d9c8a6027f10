"""What goes wrong between aggregator and ClickHouse: each click is a row, once, and nobody has to help."""

import asyncio
import signal
import time

import msgspec
import pytest

from aggregator.assembly import stores_in
from records.keys import KNOWN_EPOCH, LANES, WRITERS, click_stream, lane_name, lease_key
from runtime.clickhouse import ClickHouse, ClickHouseRefused
from tests.chaos.broken_pipelines import Instead
from tests.chaos.checks import check_nothing_is_amiss
from tests.support.aggregator import LANE, Aggregator, add, register
from tests.support.eventually import eventually
from tests.support.frames import CLICK
from tests.support.processes import Process, free_port
from tests.support.proxy import (
    Proxy,
    cut_the_body,
    deliver_after,
    deliver_when,
    drop_the_reply,
    finish_after,
    finish_when,
    hand_on,
    hang_after,
    refuse,
    reply_after,
    take_nothing,
    unavailable,
)

TIMEOUT_S = 0.4


@pytest.fixture
async def proxy(clickhouse_url):
    async with Proxy(clickhouse_url).running() as running:
        yield running


@pytest.fixture
async def aggregator(redis, clickhouse, proxy):
    through = ClickHouse(proxy.url, timeout_s=TIMEOUT_S)
    aggregator = Aggregator(redis, through)
    renewing = asyncio.create_task(aggregator.leases.keep_renewing())
    yield aggregator
    renewing.cancel()
    await through.close()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(drop_the_reply, id="reply dropped after the body was taken"),
        pytest.param(cut_the_body, id="cut in the middle of the body"),
        pytest.param(reply_after(2 * TIMEOUT_S), id="committed, reply beyond the timeout"),
        pytest.param(finish_after(2 * TIMEOUT_S), id="body beyond the timeout"),
        pytest.param(deliver_after(2 * TIMEOUT_S), id="delivered in time, behind KILL and look-up"),
        pytest.param(refuse(241), id="241 memory limit"),
        pytest.param(refuse(252), id="252 too many parts"),
        pytest.param(refuse(159), id="159 timeout exceeded"),
        pytest.param(unavailable, id="503"),
    ],
)
async def test_an_insert_that_is_not_confirmed_loses_and_doubles_nothing(redis, clickhouse, proxy, aggregator, fault):
    await register(redis)
    await add(redis, 1, 40)
    proxy.faults = [fault]

    await aggregator.move_all()
    await add(redis, 41, 10)
    await aggregator.move_all()
    await eventually(lambda: proxy.under_way, equals=0)  # what comes late has come

    # On a slow machine what is sent again may be beyond the timeout as well.
    assert proxy.faults == [], "the fault has happened"
    assert aggregator.inserter.doubts >= 1
    await check_nothing_is_amiss(redis, clickhouse, 50)


async def replaced_then_delivered(redis, clickhouse, proxy, aggregator):
    """An INSERT that the network held until others had taken its place."""
    released = asyncio.Event()
    proxy.faults = [deliver_when(released)]
    await register(redis)
    await add(redis, 1, 40)
    await aggregator.move_all()
    await check_nothing_is_amiss(redis, clickhouse, 40)

    released.set()
    await eventually(lambda: proxy.under_way, equals=0)


async def test_an_insert_delivered_after_it_was_replaced_doubles_nothing(redis, clickhouse, proxy, aggregator):
    await replaced_then_delivered(redis, clickhouse, proxy, aggregator)

    await check_nothing_is_amiss(redis, clickhouse, 40)


async def test_an_insert_without_a_deadline_doubles_when_delivered_late(redis, clickhouse, proxy):
    """The control of the test before."""
    through = ClickHouse(proxy.url, timeout_s=TIMEOUT_S)
    aggregator = Aggregator(redis, through, stores_of=with_a_clock_that_is_an_hour_ahead)

    await replaced_then_delivered(redis, clickhouse, proxy, aggregator)
    await through.close()

    with pytest.raises(AssertionError):
        await check_nothing_is_amiss(redis, clickhouse, 40)


def with_a_clock_that_is_an_hour_ahead(redis, clickhouse, owner):
    stores = stores_in(redis, clickhouse, owner)
    return stores._replace(inserts=HourAhead(stores.inserts))


class HourAhead(Instead):
    """Says that it is an hour later at the server: every deadline is out of reach."""

    async def now_s(self):
        return await self.inner.now_s() + 3600


async def test_dead_letters_delivered_after_they_were_replaced_are_not_doubled(clickhouse):
    late = {
        "lane": LANE,
        "seq": 1,
        "reason": "odd",
        "payload": "",
        "received_at": 1,
        "insert_before": int(time.time()) - 2,
    }

    with pytest.raises(ClickHouseRefused, match="too late"):
        await clickhouse.insert_rows("dead_clicks (lane, seq, reason, payload, received_at, insert_before)", [late])


async def test_one_fault_after_another_loses_and_doubles_nothing(redis, clickhouse, proxy, aggregator):
    await register(redis)
    await add(redis, 1, 100)
    proxy.faults = [unavailable, cut_the_body, refuse(241), cut_the_body, finish_after(3 * TIMEOUT_S)]

    await aggregator.move_all()

    assert proxy.faults == []
    await check_nothing_is_amiss(redis, clickhouse, 100)


async def test_a_kill_between_the_two_inserts_of_a_months_end_loses_and_doubles_nothing(redis, clickhouse, proxy):
    january, february = 1_769_903_999_999, 1_769_904_000_000
    clicks = [msgspec.structs.replace(CLICK, clicked_at_ms=at) for at in (january, february) * 20]
    await register(redis)
    await add(redis, 1, 40, clicks=clicks)
    happened = asyncio.Event()
    proxy.faults = [hand_on, hang_after(take_nothing, happened)]
    through = ClickHouse(proxy.url)
    moving = asyncio.create_task(Aggregator(redis, through).pipeline.move_one_batch())
    await happened.wait()
    moving.cancel()
    await asyncio.wait({moving})
    await through.close()
    assert await clickhouse.value("SELECT count() FROM clicks") == 20
    await redis.delete(lease_key(LANE))  # it lapses

    await Aggregator(redis, clickhouse).move_all()

    await check_nothing_is_amiss(redis, clickhouse, 40)


async def test_an_aggregator_stopped_beyond_its_lease_and_continued_doubles_nothing(
    redis, clickhouse, proxy, valkey_url, tmp_path
):
    """It wakes with an insert half sent, while another has taken the lane and inserted the same clicks."""
    released = asyncio.Event()
    proxy.faults = [finish_when(released)]
    await register(redis)
    await add(redis, 1, 100)
    stopped = started(tmp_path / "log", valkey_url, proxy.url)
    try:
        await eventually(lambda: proxy.faults, equals=[])
        stopped.process.send_signal(signal.SIGSTOP)
        second = Aggregator(redis, clickhouse)
        moving = asyncio.create_task(second.pipeline.run())
        await check_soon(redis, clickhouse, 100)
        assert (await redis.hget(WRITERS, lane_name(LANE))).startswith(second.owner.encode())

        stopped.process.send_signal(signal.SIGCONT)
        released.set()
        await add(redis, 101, 50)
        await check_soon(redis, clickhouse, 150)
        # The one that had been stopped has had its INSERT answered, and has given up the lane.
        await eventually(lambda: proxy.under_way, equals=0)
        await eventually(lambda: asyncio.to_thread(stopped.metric, "taptrail_lanes_owned"), equals=0)
        await check_nothing_is_amiss(redis, clickhouse, 150)
        assert stopped.process.poll() is None
        second.stop()
        await moving
        await add(redis, 151, 50)  # given back, and moved by the one that had been stopped
        await check_soon(redis, clickhouse, 200)
    finally:
        stopped.process.send_signal(signal.SIGCONT)
        assert stopped.stop() == 0, (tmp_path / "log").read_text()


async def flushed(redis):
    """All of Redis is gone; the edge registers its lane and sends again what it does not know to be in ClickHouse."""
    state = await redis.hget(LANES, lane_name(LANE))
    entries = await redis.xrange(click_stream(LANE))
    await redis.flushall()
    await redis.hset(LANES, lane_name(LANE), state)
    for entry_id, fields in entries:
        await redis.xadd(click_stream(LANE), fields, id=entry_id)


async def promoted(redis):
    """A replica has taken over that has heard of everything but the lease."""
    await redis.delete(lease_key(LANE))
    await redis.set(KNOWN_EPOCH, "another-run-of-redis")
    await redis.hset(WRITERS, lane_name(LANE), "somebody")


@pytest.mark.parametrize(
    ("lost", "before"),
    [
        pytest.param(flushed, 0, id="flushed, the first insert of the lane"),
        pytest.param(promoted, 0, id="promoted, the first insert of the lane"),
        pytest.param(promoted, 10, id="promoted, a later insert"),
    ],
)
async def test_what_an_owner_has_sent_when_redis_forgets_its_lease_is_not_doubled(
    redis, clickhouse, proxy, lost, before
):
    """The next owner waits until that insert is too late, though the table may have no row of the lane."""
    await register(redis)
    through = ClickHouse(proxy.url)
    first = Aggregator(redis, through)
    if before:
        await add(redis, 1, before)
        await first.move_all()
    await add(redis, before + 1, 10)
    released = asyncio.Event()
    proxy.faults = [deliver_when(released)]
    moving = asyncio.create_task(first.pipeline.move_one_batch())
    await eventually(lambda: proxy.faults, equals=[])

    await lost(redis)
    second = Aggregator(redis, clickhouse)
    taking_over = asyncio.create_task(second.pipeline.run())
    await check_soon(redis, clickhouse, before + 10, within_s=40)
    released.set()
    await asyncio.wait({moving}, timeout=10)
    second.stop()
    await taking_over
    moving.cancel()
    await asyncio.wait({moving})
    await through.close()

    await check_nothing_is_amiss(redis, clickhouse, before + 10)


async def test_two_aggregators_at_once_move_each_click_once(redis, clickhouse):
    both = [Aggregator(redis, clickhouse) for _ in range(2)]
    running = [asyncio.create_task(one.pipeline.run()) for one in both]
    for lane in range(1, 21):
        await register(redis, lane)
    for round_ in range(30):
        for lane in range(1, 21):
            await add(redis, 5 * round_ + 1, 5, lane)
        if round_ in (10, 20):  # one ends, all its lanes go to the other; a new one comes
            both[0].stop()
            await running[0]
            both = [both[1], Aggregator(redis, clickhouse)]
            running = [running[1], asyncio.create_task(both[1].pipeline.run())]
        await asyncio.sleep(0.05)

    await check_soon(redis, clickhouse, 3_000)
    for one, task in zip(both, running, strict=True):
        one.stop()
        await task
    await check_nothing_is_amiss(redis, clickhouse, 3_000)


def started(log, redis_url, clickhouse_url):
    """An aggregator process."""
    environ = {
        "TAPTRAIL_REDIS_URL": redis_url,
        "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
        "TAPTRAIL_CODE_KEY": "00" * 16,
    }
    return Process(["-m", "aggregator"], free_port(), log, environ)


async def check_soon(redis, clickhouse, clicks, within_s=20):
    """As soon as there are as many rows; never may there be more."""
    await eventually(
        lambda: clickhouse.value("SELECT count() FROM clicks"), lambda rows: rows >= clicks, within_s=within_s
    )
    await check_nothing_is_amiss(redis, clickhouse, clicks)
