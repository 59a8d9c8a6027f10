"""Guarded connections of a server with an application of the test's own."""

import asyncio
import re
from contextlib import suppress

import pytest

from runtime.guard.raw import raw_response
from tests.support.guarded import GET, LAST, MEBIBYTE, answers_to, body_of, echo, opened, post, respond, served


async def greet(scope, receive, send):
    """Reads no body."""
    await respond(send, b"[hello]")


async def test_requests_with_bodies_are_answered_in_their_order():
    chunked = b"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"

    async with served(echo) as (port, _):
        got = await answers_to(port, post(b"one", b"/1") + chunked + post(b"", b"/3") + LAST)

    assert re.findall(rb"\[.*?\]", got) == [b"[/1 one]", b"[/2 two]", b"[/3 ]", b"[/a ]"]


async def test_an_application_that_reads_slowly_makes_the_client_wait():
    may_read, began = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        began.set()
        await may_read.wait()
        await respond(send, b"%d" % len(await body_of(receive)))

    async with served(slow) as (port, _):
        reader, writer = await opened(port, post(b"a" * 64 * MEBIBYTE))
        await began.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 1)  # what it sent waits on its own side
        may_read.set()
        assert (await asyncio.wait_for(reader.readuntil(b"67108864"), 30)).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_an_upload_that_is_cut_off_ends_at_the_application_as_a_disconnect():
    ended = asyncio.get_running_loop().create_future()

    async def reads(scope, receive, send):
        try:
            await body_of(receive)
        except ConnectionError:
            ended.set_result("disconnected")

    async with served(reads) as (port, _):
        _, writer = await opened(port, post(b"a" * 100)[:-50])
        writer.write_eof()
        assert await asyncio.wait_for(ended, 10) == "disconnected"
        writer.close()


async def test_a_body_that_no_answer_waited_for_is_skipped_and_the_next_request_answered():
    async with served(greet) as (port, _):
        request = post(b"a" * 100)
        reader, writer = await opened(port, request[:-50])
        await reader.readuntil(b"[hello]")
        writer.write(request[-50:] + LAST)
        assert (await reader.read()).endswith(b"[hello]")
        writer.close()


@pytest.mark.parametrize("length", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
async def test_a_body_beyond_the_bound_is_not_read(length):
    async with served(greet, max_body_bytes=10_000) as (port, _):
        reader, writer = await opened(port, b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % length)
        await reader.readuntil(b"[hello]")
        with suppress(ConnectionError):
            writer.write(b"2710\r\n" + b"a" * 10_000 + b"\r\n1\r\na\r\n")
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_the_client_is_who_connects_whatever_its_headers_say():
    async def tell(scope, receive, send):
        await respond(send, scope["client"][0].encode())

    async with served(tell) as (port, _):
        got = await answers_to(port, LAST.replace(b"Host", b"X-Forwarded-For: 203.0.113.1\r\nHost"))

    assert got.endswith(b"127.0.0.1")


async def test_an_answer_may_close_the_connection_and_what_waits_behind_it_is_left():
    async def closing(scope, receive, send):
        await respond(send, b"[bye]", (b"connection", b"close"))

    async with served(closing) as (port, _):
        assert (await answers_to(port, GET * 3)).count(b"[bye]") == 1


class Echo:
    """Answers a request for a path of one letter."""

    def read(self, head):
        is_whole = head.find(b"\r\n\r\n") == len(head) - 4
        return head[5:6] if is_whole and head[6:7] == b" " else None

    def answer(self, letter, connection):
        connection.answer(raw_response(200, [], b"<%b>" % letter, keep_alive=not connection.is_last))


async def test_a_connection_comes_back_to_the_shortcut_after_what_the_server_answered():
    async with served(greet, shortcut=Echo()) as (port, _):
        reader, writer = await opened(port, GET)
        await reader.readuntil(b"<a>")
        writer.write(GET.replace(b"/a", b"/other"))
        await reader.readuntil(b"[hello]")
        writer.write(GET[:10])
        await asyncio.sleep(0)
        writer.write(GET[10:])
        await reader.readuntil(b"<a>")
        writer.write(GET + GET.replace(b"/a", b"/other") + LAST)
        got = await reader.read()
        writer.close()

    assert got.index(b"<a>") < got.index(b"[hello]")
    assert got.endswith(b"<a>")


async def test_a_stop_closes_what_is_idle_and_waits_for_the_answer_that_is_owed():
    may_answer, began = asyncio.Event(), asyncio.Event()

    async def slow(scope, receive, send):
        began.set()
        await may_answer.wait()
        await respond(send, b"[late]")

    loop = asyncio.get_running_loop()
    async with served(slow) as (port, guard):
        idle, idle_writer = await opened(port, b"")
        owed, owed_writer = await opened(port, GET)
        await began.wait()
        loop.call_later(0.3, may_answer.set)

    assert await idle.read() == b""
    got = await owed.read()
    assert b"connection: close" in got
    assert got.endswith(b"[late]")
    assert guard.open == 0
    for writer in (idle_writer, owed_writer):
        writer.close()
