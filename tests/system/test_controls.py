"""Controls: pipelines that are weaker on purpose fail the checks that the real one passes, so the checks bite."""

import asyncio

import pytest

from aggregator.assembly import stores_in
from records.keys import lease_key
from runtime.clickhouse import ClickHouse
from tests.chaos.broken_pipelines import acknowledges_first, inserts_again, trims_by_length
from tests.chaos.checks import check_each_click_once, rows_of
from tests.support.aggregator import LANE, Aggregator, add, register
from tests.support.proxy import Proxy, drop_the_reply, hang_after, take_nothing


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
    moving = asyncio.create_task(Aggregator(redis, through, stores_of=kind).pipeline.move_one_batch())
    await happened.wait()
    moving.cancel()
    await asyncio.wait({moving})
    await through.close()
    await redis.delete(lease_key(LANE))  # it lapses

    await Aggregator(redis, clickhouse, stores_of=kind).move_all()
    await check_each_click_once(clickhouse, 100)


async def an_answer_lost(redis, clickhouse, proxy, kind):
    proxy.faults = [drop_the_reply]
    through = ClickHouse(proxy.url)
    await register(redis)
    await add(redis, 1, 100)
    await Aggregator(redis, through, stores_of=kind).move_all()
    await through.close()

    await check_each_click_once(clickhouse, 100)


BACKLOG = 1_700  # entries: more than are read before the first of them is trimmed, and three batches at most


async def a_backlog(redis, clickhouse, proxy, kind):
    await register(redis)
    for seq in range(1, BACKLOG + 1):
        await add(redis, seq, 1)
    aggregator = Aggregator(redis, clickhouse, stores_of=kind)
    await aggregator.move_all()

    await check_each_click_once(clickhouse, BACKLOG)


FAULTS = [killed_before_the_insert, killed_after_the_insert, an_answer_lost, a_backlog]


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_pipeline_passes(redis, clickhouse, proxy, fault):
    await fault(redis, clickhouse, proxy, stores_in)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (killed_before_the_insert, acknowledges_first),
        (a_backlog, trims_by_length),
    ],
    ids=["acknowledges before it inserts", "trims by length"],
)
async def test_a_pipeline_that_loses_clicks_is_found_out(redis, clickhouse, proxy, fault, kind):
    with pytest.raises(AssertionError):
        await fault(redis, clickhouse, proxy, kind)

    rows = await rows_of(clickhouse)
    assert rows.rows == rows.distinct < (BACKLOG if fault is a_backlog else 100)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (killed_after_the_insert, inserts_again),
        (an_answer_lost, inserts_again),
    ],
    ids=["inserts again what was pending", "inserts again what was not confirmed"],
)
async def test_a_pipeline_that_doubles_clicks_is_found_out(redis, clickhouse, proxy, fault, kind):
    with pytest.raises(AssertionError):
        await fault(redis, clickhouse, proxy, kind)

    rows = await rows_of(clickhouse)
    assert (rows.rows, rows.distinct, rows.projected) == (200, 100, 200)
