"""More visits in flight than an edge may have: those beyond are refused immediately, the others are answered."""

import asyncio

import pytest

from edge.responses import answer
from routing.decide import OVERLOADED
from routing.found import NOTHING
from routing.reasons import Reason
from routing.visit import Visit
from tests.support.blackhole_proxy import BlackholeProxy
from tests.support.edge import HOST, cache, cipher, destination, store
from tests.support.edge_parts import edge_parts

MOST = 20
MORE = 15


class Answers:
    """Takes visits to an edge and keeps what they got."""

    def __init__(self, edge):
        self._edge = edge
        self.decisions = {}
        self._changed = asyncio.Event()

    def take(self, link_id):
        def reply(decision, found):
            self.decisions[link_id] = decision
            self._changed.set()

        self._edge.redirector.take(Visit(HOST, cipher.seal(link_id)), reply)

    async def of(self, link_ids):
        async with asyncio.timeout(20):
            while not self.decisions.keys() >= set(link_ids):
                self._changed.clear()
                await self._changed.wait()
        return [self.decisions[link_id].location for link_id in link_ids]


@pytest.fixture
async def silent(redis, clickhouse, valkey_url, clickhouse_url, tmp_path):
    """An edge whose links from 2 on are in ClickHouse alone, and the path there, which can be silenced."""
    await cache(redis, range(2))
    await store(clickhouse, range(MOST + MORE))
    await redis.set("tt:allocated", MOST + MORE)
    async with (
        BlackholeProxy(clickhouse_url).running() as path,
        edge_parts(valkey_url, path.url, tmp_path, max_in_flight=MOST) as edge,
    ):
        yield edge, path


async def test_visits_beyond_those_in_flight_are_refused_immediately_and_the_others_get_their_answer(silent):
    edge, path = silent
    answers = Answers(edge)
    path.silence()
    held, beyond = range(2, MOST + 2), range(MOST + 2, MOST + MORE)
    for link_id in [*held, *beyond]:
        answers.take(link_id)

    assert {link_id: answers.decisions.get(link_id) for link_id in beyond} == dict.fromkeys(beyond, OVERLOADED)
    assert not answers.decisions.keys() & set(held)
    assert edge.tap_stats.refusals[Reason.OVERLOADED, False] == len(beyond)
    path.free()
    assert await answers.of(held) == [destination(link_id) for link_id in held]
    await asyncio.sleep(0)  # the task that answered the last one ends
    answers.take(1)
    assert await answers.of([1]) == [destination(1)]


def test_a_visit_that_is_refused_for_overload_is_told_when_to_come_back():
    status, headers, _ = answer(OVERLOADED, Visit(HOST, ""), NOTHING)

    assert (status, dict(headers)["retry-after"]) == (503, "2")
