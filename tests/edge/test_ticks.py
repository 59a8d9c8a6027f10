"""Taps that arrive together are looked up together, and answered each by its own."""

import asyncio

from msgspec import structs

from records.domain import Domain
from records.keys import ALLOCATED
from routing.reasons import Reason
from routing.visit import Visit
from tests.support.edge import BROADCAST, HOST, cache, cipher, destination
from tests.support.edge_parts import edge_parts

OTHER = Domain("go.other.example", "main", "Other", version=1)


async def test_taps_of_one_tick_are_answered_by_the_domain_of_each(
    redis, clickhouse, valkey_url, clickhouse_url, tmp_path
):
    theirs = structs.replace(BROADCAST, broadcast_no=2, short_domain=OTHER.short_domain)
    await cache(redis, range(100, 120), theirs, OTHER)
    await cache(redis, range(20))
    await redis.set(ALLOCATED, 120)
    expected = {
        (HOST, 1): destination(1),
        (HOST, 2): destination(2),
        (OTHER.short_domain, 3): Reason.UNKNOWN_CODE,
        (OTHER.short_domain, 101): destination(101),
        ("unknown.example", 4): Reason.UNKNOWN_HOST,
        (HOST, 102): Reason.UNKNOWN_CODE,
    }

    async with edge_parts(valkey_url, clickhouse_url, tmp_path) as edge:
        for _ in range(3):  # walked for, with the domains in memory, with the blocks in memory
            async with asyncio.timeout(20):
                decisions = await asyncio.gather(*(_tapped(edge, *asked) for asked in expected))

            assert [decision.location or decision.reason for decision in decisions] == list(expected.values())


async def _tapped(edge, host, link_id):
    answered = asyncio.get_running_loop().create_future()
    edge.redirector.take(Visit(host, cipher.seal(link_id)), lambda decision, found: answered.set_result(decision))
    return await answered
