import asyncio

import pytest

from edge.batch_loader import BatchLoader, ResolveFailed
from edge.clickhouse_loader import ClickHouseLoader
from edge.lookup_stats import LookupStats
from records.broadcast import Broadcast
from records.erasure import STOPPED_INDEX
from runtime.breaker import Breaker
from runtime.clickhouse import ClickHouseUnreachable
from tests.support.eventually import eventually


async def answers():
    """What a probe does while the store is well."""


async def test_keys_of_one_tick_are_asked_for_together_and_once():
    asked = []

    async def query(keys):
        asked.append(keys)
        return {key: key * 2 for key in keys if key != 3}

    loader = BatchLoader(query, Breaker(answers), LookupStats())

    assert await asyncio.gather(*(loader.get(key) for key in (1, 2, 1, 3))) == [2, 4, 2, None]
    assert asked == [[1, 2, 3]]


async def test_an_answer_that_cannot_be_read_fails_the_look_up_and_not_the_ones_after_it():
    given = [ValueError("not JSON"), {1: "found"}]

    async def query(keys):
        answer = given.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    breaker = Breaker(answers)
    loader = BatchLoader(query, breaker, LookupStats())

    with pytest.raises(ResolveFailed):
        await loader.get(1)
    await eventually(lambda: breaker.is_open, equals=False)
    assert await loader.get(1) == "found"


async def test_a_clickhouse_that_failed_is_asked_by_no_visitor_until_it_answers_a_probe():
    asked, probes, well = [], [], asyncio.Event()

    async def query(keys):
        asked.append(keys)
        if not well.is_set():
            raise ClickHouseUnreachable
        return dict.fromkeys(keys, "found")

    async def probe():
        probes.append(1)
        if not well.is_set():
            raise ClickHouseUnreachable

    breaker = Breaker(probe)
    links, slugs = BatchLoader(query, breaker, LookupStats()), BatchLoader(query, breaker, LookupStats())

    while len(probes) < 2:
        for loader in (links, slugs):
            with pytest.raises(ResolveFailed):
                await loader.get(1)
        await asyncio.sleep(0)
    assert asked == [[1]], "one failure is enough, for every kind of record"
    well.set()
    await eventually(lambda: breaker.is_open, equals=False)
    assert await slugs.get(1) == "found"


async def test_look_ups_queued_behind_a_query_that_fails_fail_with_it():
    """Else each query in the queue would cost its visitors another timeout."""
    asked, silent = [], asyncio.Event()

    async def query(keys):
        asked.append(keys)
        await silent.wait()
        raise ClickHouseUnreachable

    loader = BatchLoader(query, Breaker(answers), LookupStats())
    waiting = []
    for key in range(5):  # each in a tick of its own; two queries run at a time
        waiting.append(asyncio.ensure_future(loader.get(key)))
        await asyncio.sleep(0)
        await eventually(lambda: len(asked), equals=min(key + 1, 2))
    silent.set()

    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [ResolveFailed] * 5
    assert asked == [[0], [1]]


async def test_a_key_does_not_queue_behind_queries_that_hang_when_another_kind_has_failed():
    asked, silent = [], asyncio.Event()

    async def hangs(keys):
        asked.append(keys)
        await silent.wait()
        return dict.fromkeys(keys, "found")

    async def fails(keys):
        raise ClickHouseUnreachable

    breaker = Breaker(answers)
    links, slugs = BatchLoader(hangs, breaker, LookupStats()), BatchLoader(fails, breaker, LookupStats())
    hanging = []
    for key in range(2):
        hanging.append(asyncio.ensure_future(links.get(key)))
        await eventually(lambda: len(asked), equals=key + 1)
    with pytest.raises(ResolveFailed):
        await slugs.get(1)

    async with asyncio.timeout(10):
        with pytest.raises(ResolveFailed):
            await links.get(2)

    silent.set()
    assert await asyncio.gather(*hanging) == ["found", "found"]


async def test_a_number_stands_for_the_broadcast_that_has_it_and_not_for_one_that_left_it(clickhouse):
    """Redis wiped between two allocations gives a number twice; the second broadcast then takes another."""
    for number, broadcast_id, version in ((5, "first", 1), (5, "second", 2), (6, "second", 3)):
        row = Broadcast(number, "main", broadcast_id, "go.acme.example", ("https://a.example/",), version=version)
        await clickhouse.insert_rows("broadcasts", [row])

    loader = ClickHouseLoader(clickhouse, LookupStats())
    found = await asyncio.gather(loader.broadcasts.get(5), loader.broadcasts.get(6))

    assert [broadcast.broadcast_id for broadcast in found] == ["first", "second"]


async def test_an_erased_contact_is_nobody_to_an_edge_and_its_link_may_be_over(clickhouse):
    token = "erased-" + "0f" * 16
    row = {"broadcast_no": 3, "destination_index": 1, "fields": {}}
    for link_id, contact_id, code in ((1, "c-1", "a"), (2, token, "b"), (3, token, ""), (4, "erased-", "d")):
        await clickhouse.insert_rows("links", [row | {"link_id": link_id, "contact_id": contact_id, "code": code}])
    loader = ClickHouseLoader(clickhouse, LookupStats())

    links = await asyncio.gather(*(loader.links.get(link_id) for link_id in (1, 2, 3, 4)))

    assert [(link.contact_id, link.destination_index) for link in links] == [
        ("c-1", 1), ("", 1), ("", STOPPED_INDEX), ("erased-", 1),
    ]  # fmt: skip
