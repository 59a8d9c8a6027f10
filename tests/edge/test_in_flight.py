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
UNENCODABLE = "\ud800"  # no click record can hold it; no reader of a request gives it


class Answers:
    """Takes visits to an edge and keeps what they got."""

    def __init__(self, edge):
        self._edge = edge
        self.decisions = {}
        self._changed = asyncio.Event()

    def take(self, link_id, **fields):
        def reply(decision, found):
            self.decisions.setdefault(link_id, decision)  # what a client got first is what it has
            self._changed.set()

        self._edge.redirector.take(Visit(HOST, cipher.seal(link_id), **fields), reply)

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
    answers.take(1)
    assert await answers.of([1]) == [destination(1)]


@pytest.mark.parametrize(("tier", "link_ids"), [("memory", [0, 1]), ("Redis", [0, 1]), ("ClickHouse", [0, 2, 3])])
async def test_a_defect_costs_the_visits_of_its_tick_a_503_and_later_ones_nothing(silent, tier, link_ids):
    edge, _ = silent
    for link_id in range(4) if tier == "memory" else range(1):
        await tapped(edge, link_id)

    for _ in range(MOST):  # as many times as visits may be in flight: none of them stays so
        answers = Answers(edge)
        for link_id in link_ids:
            answers.take(link_id)
        answers.take(link_ids[-1], user_agent=UNENCODABLE)
        await answers.of(link_ids)

    assert edge.tap_stats.failed >= MOST
    assert await tapped(edge, 1) == [destination(1)]


async def tapped(edge, link_id):
    answers = Answers(edge)
    answers.take(link_id)
    return await answers.of([link_id])


def test_a_visit_that_is_refused_for_overload_is_told_when_to_come_back():
    status, headers, _ = answer(OVERLOADED, Visit(HOST, ""), NOTHING)

    assert (status, dict(headers)["retry-after"]) == (503, "2")
