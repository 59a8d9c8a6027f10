"""An edge's connection to a real Redis, and what its listener hears."""

import asyncio
import signal
from contextlib import asynccontextmanager

import hiredis
import pytest

from edge.redis_connection import NO_LISTENER, RedisUnavailable
from edge.redis_wire import RedisWire
from tests.support.eventually import eventually

PREFIXES = ("tt:b:", "tt:d:")


class Heard:
    """All that a listener hears, in its order."""

    def __init__(self):
        self.events = []

    def connected(self):
        self.events.append("connected")

    def lost(self):
        self.events.append("lost")

    def flushed(self):
        self.events.append("flushed")

    def changed(self, keys):
        self.events += keys


@asynccontextmanager
async def connected(url, listener=NO_LISTENER):
    wire = RedisWire(url, timeout_s=10, tracked=PREFIXES, listener=listener)
    connecting = asyncio.create_task(wire.keep_connected())
    await wire.wait_connected(10)
    try:
        yield wire
    finally:
        connecting.cancel()


async def test_commands_are_answered_in_their_order_and_a_refused_one_at_its_index(redis, valkey_url):
    async with connected(valkey_url) as wire:
        replies = await wire.batch([("SET", "a", 1), ("HGET", "a", 1), ("GET", "a")])

        assert (replies[0], replies[2]) == (b"OK", b"1")
        assert isinstance(replies[1], hiredis.ReplyError)
        with pytest.raises(hiredis.ReplyError):
            await wire.call("HGET", "a", 1)


async def test_many_values_are_read_at_once(redis, valkey_url):
    await redis.mset({"tt:k:0": "none", "tt:k:3": "three"})

    async with connected(valkey_url) as wire:
        replies = asyncio.get_running_loop().create_future()
        wire.get_many(["tt:k:3", "tt:k:9", "tt:k:0"], replies.set_result)

        assert await replies == [[b"three", None, b"none"]]


async def test_the_loss_of_the_connection_is_said_once_to_each_that_waits(own_valkey):
    async with connected(own_valkey.url) as wire:
        lost = []
        own_valkey.process.send_signal(signal.SIGSTOP)
        for _ in range(3):
            wire.get_many(["tt:k:0"], lost.append)
        call = asyncio.create_task(wire.call("PING"))
        await asyncio.sleep(0)

        wire.drop()

        assert lost == [None, None, None]
        with pytest.raises(RedisUnavailable):
            await call


async def test_every_call_fails_immediately_while_there_is_no_connection():
    wire = RedisWire("redis://127.0.0.1:1/0")

    for call in (wire.call("PING"), wire.batch([("PING",)])):
        with pytest.raises(RedisUnavailable):
            await call
    with pytest.raises(RedisUnavailable):
        wire.get_many(["a"], lambda replies: None)


async def test_a_listener_hears_of_tracked_keys_that_others_write(redis, valkey_url):
    heard = Heard()
    async with connected(valkey_url, heard) as wire:
        await wire.call("SET", "tt:b:1", "by this edge")
        await redis.set("tt:b:2", "by another")
        await redis.set("tt:k:2", "not tracked")
        await redis.set("tt:d:go.acme.example", "")
        await redis.flushall()

        await eventually(lambda: heard.events, lambda events: "flushed" in events)

    assert heard.events == ["connected", "tt:b:2", "tt:d:go.acme.example", "flushed"]


async def test_a_listener_hears_of_a_lost_connection_and_of_the_next(own_valkey):
    heard = Heard()
    async with connected(own_valkey.url, heard) as wire:
        own_valkey.kill()
        await eventually(lambda: heard.events, lambda events: events == ["connected", "lost"])
        assert not wire.connected

        own_valkey.start()
        await eventually(lambda: heard.events, lambda events: events == ["connected", "lost", "connected"])
        assert wire.connects == 2


async def test_a_key_that_is_not_text_costs_no_connection(redis, valkey_url):
    heard = Heard()
    async with connected(valkey_url, heard) as wire:
        await redis.set(b"tt:d:\xff", "")
        await eventually(lambda: heard.events, lambda events: events == ["connected", "tt:d:\ufffd"])

        assert await wire.call("PING") == b"PONG"
        assert wire.connects == 1
