"""A call of Redis ends when its task is cancelled, at whichever step of the event loop that is."""

import asyncio
from itertools import count

import pytest
from redis.asyncio import Redis

from runtime.redis_client import redis_client
from tests.support.tls_proxy import with_tls


@pytest.fixture(params=["plain", "TLS"])
async def url(request, valkey_url, tmp_path, monkeypatch):
    if request.param == "plain":
        yield valkey_url
        return
    async with with_tls(valkey_url, tmp_path, monkeypatch) as tls_url:
        yield tls_url


def client_of(url):
    return redis_client(url, timeout_s=5, connect_timeout_s=5)


async def outcomes(call):
    """For each step at which the task of a call is cancelled, until it is over before: whether that ended it."""
    ended = []
    for step in count():
        task = asyncio.create_task(call())
        for _ in range(step):
            await asyncio.sleep(0)
        if not task.cancel():
            return ended
        await asyncio.wait({task}, timeout=10)
        ended.append(task.cancelled())


async def test_a_call_over_an_open_connection_ends_when_it_is_cancelled(url):
    async with client_of(url) as client:
        await client.ping()

        ended = await outcomes(client.ping)

    assert len(ended) > 3
    assert all(ended), ended


async def test_a_cancelled_call_leaves_no_answer_behind_for_the_next(url):
    async with client_of(url) as client:
        await client.set("tt:test", "its own")

        async def wait_in_vain():
            try:
                await client.blpop(["tt:empty"], timeout=0.001)
            finally:
                assert await client.get("tt:test") == b"its own"

        ended = await outcomes(wait_in_vain)

    assert all(ended), ended


async def test_a_call_that_connects_first_ends_when_it_is_cancelled(url):
    async def connect_and_ask():
        async with client_of(url) as client:
            await client.ping()

    ended = await outcomes(connect_and_ask)

    assert len(ended) > 10
    assert all(ended), ended


@pytest.mark.skipif("sys.version_info >= (3, 12)")
async def test_the_client_of_redis_py_alone_does_not(valkey_url):
    async with Redis.from_url(valkey_url, socket_timeout=5) as client:
        await client.ping()

        assert not all(await outcomes(client.ping))
