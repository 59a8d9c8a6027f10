"""More new connections than an edge can serve: those beyond are told at once to come back, and that passes."""

import asyncio
import json
import sys

import psutil
import pytest

from records.click import whole_frames
from records.keys import ENTRY_FIELD
from tests.support.edge import HOST, cipher, destination
from tests.support.eventually import wait_until

OVERLOAD_S = 4
AT_ONCE = 4_000  # fewer than the kernel's queue takes: nobody is lost before the edge can answer
REQUEST = f"GET /{cipher.seal(5)} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()


@pytest.fixture(scope="module", params=["fast", "asgi"])
def way(request):
    return request.param


async def wave(port):
    """What the phones of an overload saw."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.connection_storm", str(port), str(OVERLOAD_S), str(AT_ONCE),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate(REQUEST)
    return json.loads(said)


async def clicks_in(redis):
    count = 0
    for stream in await redis.keys("tt:clicks:*"):
        for _, fields in await redis.xrange(stream):
            _, first, last = whole_frames(fields[ENTRY_FIELD])
            count += last - first + 1
    return count


async def test_an_overload_is_answered_302_or_503_and_passes(redis, edge):
    process = psutil.Process(edge.process.pid)
    before = process.memory_info().rss

    seen = await wave(edge.port)

    assert set(seen) == {"302", "503"}, seen
    assert process.memory_info().rss - before < 80_000_000
    assert edge.metric("taptrail_refusals_total") == seen["503"]

    wait_until(lambda: all(edge.tap(5) == destination(5) for _ in range(50)))
    taps = edge.metric("taptrail_clicks_answered_total")
    assert taps == edge.metric("taptrail_redirects_total") >= seen["302"] + 50
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)
    assert await clicks_in(redis) == taps
