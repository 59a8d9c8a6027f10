"""Aggregators as processes share the lanes between them; while lanes change hands each click stays one row."""

import asyncio
import signal

import pytest

from accounting.audit import read_audit
from records.keys import AGGREGATORS
from tests.chaos.checks import check_each_click_once
from tests.support.aggregator import add, register
from tests.support.control import CODE_KEY
from tests.support.eventually import eventually
from tests.support.processes import Process, free_port

LANES = range(1, 7)


class Load:
    """Clicks for every lane, 5 at a time, until told to end."""

    def __init__(self, redis):
        self.redis, self.seq, self.ending = redis, 0, asyncio.Event()

    async def run(self):
        while not self.ending.is_set():
            for lane in LANES:
                await add(self.redis, self.seq + 1, 5, lane)
            self.seq += 5
            await asyncio.sleep(0.02)

    @property
    def clicks(self):
        return self.seq * len(LANES)


@pytest.fixture
async def start(redis, valkey_url, clickhouse_url, tmp_path):
    """Starts one more aggregator process."""
    started = []

    def one_more():
        environ = {
            "TAPTRAIL_REDIS_URL": valkey_url,
            "TAPTRAIL_CLICKHOUSE_URL": clickhouse_url,
            "TAPTRAIL_CODE_KEY": CODE_KEY,
        }
        started.append(Process(["-m", "aggregator"], free_port(), tmp_path / f"{len(started)}.log", environ))
        return started[-1]

    yield one_more
    for one in started:
        if one.process.poll() is None:
            one.kill()


async def owned(*aggregators):
    """How many lanes each has, in order; an aggregator that does not answer yet has none."""

    def lanes_of(one):
        try:
            return int(one.metric("taptrail_lanes_owned"))
        except OSError:
            return 0

    return [await asyncio.to_thread(lanes_of, one) for one in aggregators]


async def come_to_own(lanes, *aggregators):
    await eventually(lambda: owned(*aggregators), equals=lanes, within_s=60)


async def test_aggregators_share_lanes_and_no_click_is_missing_or_doubled_while_shares_move(redis, clickhouse, start):
    for lane in LANES:
        await register(redis, lane)
    load = Load(redis)
    loading = asyncio.create_task(load.run())
    first = start()
    await come_to_own([6], first)

    second = start()
    await come_to_own([3, 3], first, second)
    third = start()
    await come_to_own([2, 2, 2], first, second, third)
    first.kill()
    await come_to_own([3, 3], second, third)
    third.process.send_signal(signal.SIGTERM)
    await come_to_own([6], second)

    load.ending.set()
    await loading
    inserted = "SELECT count() FROM clicks"
    await eventually(lambda: clickhouse.value(inserted), lambda rows: rows >= load.clicks, within_s=60)
    await check_each_click_once(clickhouse, load.clicks)
    audit = await read_audit(redis, clickhouse, 1)
    assert (audit.lanes, audit.wrong) == (len(LANES), 0)
    # Nobody's insert was ended by the next owner of one of its lanes: they change hands with nothing under way.
    assert second.metric("taptrail_insert_doubts") == 0
    assert await redis.zcard(AGGREGATORS) == 1
