"""More visits in hand than an edge may have: those beyond are told to come back at once, the others are answered."""

import asyncio
import time

import pytest

from tests.support.blackhole_proxy import Way
from tests.support.edge import HOST, Edge, cache, cipher, destination, store

MOST = 20
MORE = 15
REQUEST = "GET /{code} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


class SmallEdge(Edge):
    """One that has 20 visits in flight at most, where a real one has 5,000."""

    command = (
        "-c",
        f"import sys; import edge.redirect; edge.redirect.MAX_IN_FLIGHT = {MOST}\n"
        "from edge.__main__ import main; sys.exit(main())",
    )


@pytest.fixture
async def silent(redis, clickhouse, valkey_url, clickhouse_url, tmp_path):
    """An edge whose links from 2 on are in ClickHouse alone, and the way there, which can be silenced."""
    await cache(redis, range(2))
    await store(clickhouse, range(MOST + MORE))
    await redis.set("tt:allocated", MOST + MORE)
    async with Way(clickhouse_url).running() as way:
        edge = await asyncio.to_thread(SmallEdge, valkey_url, way.url, tmp_path, TAPTRAIL_DRAIN_S="0.2")
        yield edge, way
        edge.kill()


async def tap(edge, link_id):
    """(answer's head, seconds)."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(REQUEST.format(code=cipher.seal(link_id), host=HOST).encode())
    head = (await reader.read()).decode().partition("\r\n\r\n")[0]
    writer.close()
    return head, time.monotonic() - began


async def test_visits_beyond_those_in_flight_get_503_at_once_and_the_others_their_answer(silent):
    edge, way = silent
    assert await asyncio.to_thread(edge.tap, 0) == destination(0)

    way.silence()
    held = [asyncio.create_task(tap(edge, link_id)) for link_id in range(2, MOST + 2)]
    await asyncio.sleep(0.3)
    beyond = await asyncio.gather(*(tap(edge, link_id) for link_id in range(MOST + 2, MOST + MORE)))
    assert not any(one.done() for one in held)
    way.free()

    for head, seconds in beyond:
        assert head.startswith("HTTP/1.1 503 ")
        assert "\r\nretry-after: 2" in head
        assert seconds < 0.5
    for link_id, (head, _) in enumerate(await asyncio.gather(*held), 2):
        assert f"\r\nlocation: {destination(link_id)}\r\n" in head
    assert await asyncio.to_thread(edge.metric, "taptrail_refusals_total", reason="overloaded") == len(beyond)
    assert await asyncio.to_thread(edge.tap, 1) == destination(1)
