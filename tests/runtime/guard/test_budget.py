"""What connections hold: each and all together, by trying to hold more."""

import asyncio
import gc
import time
from contextlib import suppress

import pytest

from runtime.guard.budget import Budget
from runtime.guard.reader import MAX_HEAD_BYTES
from runtime.guard.turns import PACE_S
from tests.support.guarded import GET, MEBIBYTE, answers_to, echo, opened, served

pytestmark = pytest.mark.servers

FIELDS = b"".join(b"x%d: y\r\n" % number for number in range(200))


async def test_a_head_with_too_many_fields_is_refused_and_holds_nothing():
    budget = Budget()
    async with served(echo, budget=budget) as (port, _):
        answer = await answers_to(port, GET[:-2] + FIELDS + b"\r\n")

        assert answer.startswith(b"HTTP/1.1 431")
        assert budget.held_bytes == 0


async def test_a_head_without_an_end_is_refused_at_its_bound():
    async with served(echo) as (port, _):
        answer = await answers_to(port, GET[:-2] + b"x: " + b"y" * (MAX_HEAD_BYTES - len(GET)))

        assert answer.startswith(b"HTTP/1.1 431")


async def test_an_answered_connection_that_stays_open_holds_nothing():
    budget = Budget()
    async with served(echo, budget=budget) as (port, _):
        field = (b"x", b"y" * 60_000)
        reader, writer = await opened(port, GET[:-2] + b"x: %b\r\n\r\n" % field[1])
        await reader.readuntil(b"]")
        await asyncio.sleep(0.05)  # the turn ends behind the answer

        assert budget.held_bytes == 0
        held = [item for each in gc.get_objects() if type(each) is list for item in each if type(item) is tuple]
        assert not [item for item in held if len(item) == 2 and item[0] == b"x" and item[1] == field[1]]
        writer.close()


async def test_beyond_the_budget_the_connection_that_stood_still_longest_is_let_go_and_others_are_answered():
    budget = Budget(MEBIBYTE)
    async with served(echo, budget=budget) as (port, guard):
        half_sent = [await opened(port, GET[:-2] + b"x: " + b"y" * 50_000) for _ in range(40)]
        assert await asyncio.wait_for(half_sent[0][0].read(), 5) == b""

        answer = await answers_to(port, GET.replace(b"Host", b"Connection: close\r\nHost"))

        assert b"[/a ]" in answer
        assert budget.held_bytes <= MEBIBYTE
        assert guard.open <= 21
        for _, writer in half_sent:
            writer.close()
    assert budget.held_bytes == 0


async def test_answers_that_are_not_read_count_as_held():
    async def much(scope, receive, send):
        headers = [(b"content-length", b"%d" % (32 * MEBIBYTE))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(32 * MEBIBYTE)})

    budget = Budget(8 * MEBIBYTE)
    async with served(much, budget=budget) as (port, _):
        with suppress(ConnectionError):
            assert len(await answers_to(port, GET)) < 32 * MEBIBYTE

        assert budget.held_bytes == 0


async def test_a_body_that_trickles_in_is_let_go_and_one_at_an_honest_rate_is_not():
    passed_s = [0.0]
    async with served(echo, clock=lambda: time.monotonic() + passed_s[0]) as (port, _):
        trickling = await opened(port, b"POST /t HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        honest = await opened(port, b"POST /h HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
        for _ in range(5):
            passed_s[0] += PACE_S / 3  # and not a half: the guard may look before it reads
            trickling[1].write(b"x")
            honest[1].write(b"y" * 10_000)
            await asyncio.sleep(0.3)  # the guard looks
        answer = await asyncio.wait_for(honest[0].readuntil(b"]"), 5)

        assert answer.count(b"y") == 50_000
        with suppress(ConnectionError):
            assert await asyncio.wait_for(trickling[0].read(), 5) == b""
        assert trickling[0].at_eof() or trickling[0].exception()
        honest[1].close()
