"""The ledger, read again and again while taps come in: what it says adds up at every moment."""

import asyncio

import pytest

from accounting.ledger import read_ledger
from tests.chaos.checks import check_nothing_is_amiss
from tests.chaos.taps import Taps
from tests.support.aggregator import Aggregator
from tests.support.edge import Edge, cache, cipher, store

TAPS = 3_000
RATE = 600


@pytest.fixture
async def edge(redis, clickhouse, valkey_url, clickhouse_url, tmp_path):
    """One with an aggregator behind it."""
    await cache(redis, range(TAPS))
    await store(clickhouse, range(TAPS))
    edge = await asyncio.to_thread(Edge, valkey_url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0.2")
    aggregator = Aggregator(redis, clickhouse)
    running = [asyncio.create_task(aggregator.leases.keep_renewing()), asyncio.create_task(aggregator.pipeline.run())]
    yield edge
    aggregator.stop()
    await running[1]
    running[0].cancel()
    edge.kill()


async def test_under_load_the_ledger_adds_up_at_every_moment(edge, redis, clickhouse):
    tapping = asyncio.create_task(Taps(edge.port, [cipher.seal(link_id) for link_id in range(TAPS)], RATE).run())
    seen = []
    while not seen or not tapping.done() or seen[-1].inserted < TAPS:
        seen.append(await read_ledger(redis, clickhouse))
        await asyncio.sleep(0.05)
    assert len((await tapping).answered) == TAPS

    for ledger in seen:
        assert ledger.answered == ledger.spooled == ledger.shipped + ledger.waiting, ledger
        assert ledger.shipped == ledger.inserted + ledger.dead + ledger.pending, ledger
        assert min(ledger.waiting, ledger.pending) >= 0, ledger
        assert (ledger.gap, ledger.unrecorded) == (0, 0), ledger
    assert any(ledger.pending > 0 for ledger in seen), "it was to be read in flight"
    await check_nothing_is_amiss(redis, clickhouse, TAPS)
