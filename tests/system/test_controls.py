"""Controls: pipelines that are weaker on purpose fail the checks that the real one passes, so the checks bite."""

import asyncio

import pytest

from aggregator.click_stream import ClickStream
from aggregator.insert import Writer
from aggregator.pipeline import Pipeline
from records.keys import lease_key
from runtime.clickhouse import ClickHouse
from tests.chaos.broken_pipelines import AckFirst, NeverCheck, NeverVerify, TrimByLength
from tests.chaos.checks import check_each_click_once, rows_of
from tests.support.aggregator import LANE, Aggregator, add, register
from tests.support.proxy import Proxy, drop_the_reply, hang_after, take_nothing


class Assembled(Aggregator):
    """An aggregator of the parts given."""

    parts = (Pipeline, ClickStream, Writer)

    def __init__(self, redis, clickhouse):
        super().__init__(redis, clickhouse)
        pipeline, stream, writer = self.parts
        self.writer = writer(clickhouse, self.owner)
        self.pipeline = pipeline(stream(redis), self.lanes, self.pipeline._enricher, self.writer)


def weaker(*parts):
    return type("Weaker", (Assembled,), {"parts": parts})


@pytest.fixture
async def proxy(clickhouse_url):
    async with Proxy(clickhouse_url).running() as running:
        yield running


async def killed_before_the_insert(redis, clickhouse, proxy, kind):
    await killed_when(take_nothing, redis, clickhouse, proxy, kind)


async def killed_after_the_insert(redis, clickhouse, proxy, kind):
    await killed_when(drop_the_reply, redis, clickhouse, proxy, kind)


async def killed_when(fault, redis, clickhouse, proxy, kind):
    """The end of a process at the worst moment, and the next one."""
    happened = asyncio.Event()
    proxy.faults = [hang_after(fault, happened)]
    through = ClickHouse(proxy.url)
    await register(redis)
    await add(redis, 1, 100)
    moving = asyncio.create_task(kind(redis, through).pipeline.move_one_batch())
    await happened.wait()
    moving.cancel()
    await asyncio.wait({moving})
    await through.close()
    await redis.delete(lease_key(LANE))  # it lapses

    await kind(redis, clickhouse).move_all()
    await check_each_click_once(clickhouse, 100)


async def an_answer_lost(redis, clickhouse, proxy, kind):
    proxy.faults = [drop_the_reply]
    through = ClickHouse(proxy.url)
    await register(redis)
    await add(redis, 1, 100)
    await kind(redis, through).move_all()
    await through.close()

    await check_each_click_once(clickhouse, 100)


async def a_backlog(redis, clickhouse, proxy, kind):
    await register(redis)
    for seq in range(1, 701):
        await add(redis, seq, 1)
    aggregator = kind(redis, clickhouse)
    await aggregator.move_all()

    await check_each_click_once(clickhouse, 700)


FAULTS = [killed_before_the_insert, killed_after_the_insert, an_answer_lost, a_backlog]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_pipeline_passes(redis, clickhouse, proxy, fault):
    await fault(redis, clickhouse, proxy, Assembled)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (killed_before_the_insert, weaker(AckFirst, ClickStream, Writer)),
        (a_backlog, weaker(Pipeline, TrimByLength, Writer)),
    ],
    ids=["acknowledges before it inserts", "trims by length"],
)
async def test_a_pipeline_that_loses_clicks_is_found_out(redis, clickhouse, proxy, fault, kind):
    with pytest.raises(AssertionError):
        await fault(redis, clickhouse, proxy, kind)

    rows = await rows_of(clickhouse)
    assert rows.rows == rows.distinct < (700 if fault is a_backlog else 100)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (killed_after_the_insert, weaker(NeverCheck, ClickStream, Writer)),
        (an_answer_lost, weaker(Pipeline, ClickStream, NeverVerify)),
    ],
    ids=["inserts again what was pending", "inserts again what was not confirmed"],
)
async def test_a_pipeline_that_doubles_clicks_is_found_out(redis, clickhouse, proxy, fault, kind):
    with pytest.raises(AssertionError):
        await fault(redis, clickhouse, proxy, kind)

    rows = await rows_of(clickhouse)
    assert (rows.rows, rows.distinct, rows.projected) == (200, 100, 200)
