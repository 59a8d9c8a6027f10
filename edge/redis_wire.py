"""A Redis connection made for one thing: many small commands an event-loop tick, few instructions each.

A batch of commands is written together and answered through one future: 3.6 us a command, where redis-py's asyncio
client took a third longer for the same batches (docs/decisions/0006). RESP3, so that invalidations arrive on the same
connection.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import hiredis

from edge.redis_connection import (
    NO_LISTENER,
    Command,
    KeyListener,
    OnReplies,
    Part,
    RedisConnection,
    RedisUnavailable,
    packed,
)


class RedisClient(Protocol):
    """What look-ups ask of Redis, each command with the one key that it is about: a client of a cluster, which sends
    each to the node of its key, can stand here for RedisWire. All raise RedisUnavailable.
    """

    async def call(self, *command: Part) -> Any:
        """The reply to one command; raises hiredis.ReplyError when Redis refuses it."""

    async def batch(self, commands: Sequence[Command]) -> list[Any]:
        """The replies in order; an error reply is a hiredis.ReplyError at its index."""

    def get_many(self, keys: Sequence[str], on_reply: OnReplies) -> None:
        """A list of the values of strings, None for each that there is not: the hot path has no task that could wait.

        The one reply, which is an error where Redis refuses the question.
        """


class RedisWire:
    """Keeps one connection to `url` open; while there is none, every call fails immediately.

    timeout_s: an answer older than this ends the connection, so that a hanging Redis costs one wait, not one a tap.
    listener: hears of changes to keys that begin with one of `tracked`, but for those that this connection makes.
    """

    def __init__(
        self, url: str, *, timeout_s: float = 0.5, tracked: Sequence[str] = (), listener: KeyListener = NO_LISTENER
    ) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s
        self._tracked = tracked
        self._listener = listener
        self._link: RedisConnection | None = None
        self._first = asyncio.Event()
        self.connects = 0
        self.trouble: BaseException | None = None  # why the last attempt to connect failed

    @property
    def connected(self) -> bool:
        return self._link is not None

    async def keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost; runs until cancelled."""
        pause_s = 0.05
        while True:
            try:
                link = await self._connect()
            except (OSError, RedisUnavailable, TimeoutError, hiredis.ReplyError) as error:
                self.trouble = error
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)
                continue
            pause_s = 0.05
            self._link, self.trouble = link, None
            self.connects += 1
            self._first.set()
            self._listener.connected()
            try:
                await link.watch(self._timeout_s)
            finally:
                self._link = None
                link.abort()
                self._listener.lost()

    async def wait_connected(self, longest_s: float) -> None:
        """Give the first connection a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._first.wait()

    async def batch(self, commands: Sequence[Command]) -> list[Any]:
        """The replies in order; an error reply is a hiredis.ReplyError at its index. Raises RedisUnavailable."""
        return await self._connection().replies(packed(commands), len(commands))

    def get_many(self, keys: Sequence[str], on_reply: OnReplies) -> None:
        """The values of strings as the one reply of an MGET, None for each that there is not.

        One reply, because hiredis moves all that it has not read yet with each reply of a kilobyte.
        Raises RedisUnavailable where there is no connection.
        """
        question = hiredis.pack_command(("MGET", *keys))  # type: ignore[arg-type]  # as in packed()
        self._connection().send(question, 1, on_reply)

    def _connection(self) -> RedisConnection:
        if self._link is None:
            raise RedisUnavailable("not connected")
        return self._link

    async def call(self, *command: Part) -> Any:
        """One command; raises RedisUnavailable, or hiredis.ReplyError when Redis refuses it."""
        (reply,) = await self.batch([command])
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def drop(self) -> None:
        """Leave this connection for a new one: the name may lead to another Redis by now."""
        if self._link is not None:
            self._link.abort()

    async def _connect(self) -> RedisConnection:
        host, port = self._url.hostname or "127.0.0.1", self._url.port or 6379
        secure = ssl.create_default_context() if self._url.scheme == "rediss" else None
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(2.0):
            _, link = await loop.create_connection(lambda: RedisConnection(self._listener), host, port, ssl=secure)
            try:
                greeting = self._greeting()
                for reply in await link.replies(packed(greeting), len(greeting)):
                    if isinstance(reply, hiredis.ReplyError):
                        raise reply
            except BaseException:
                link.abort()
                raise
        return link

    def _greeting(self) -> list[Command]:
        password = unquote(self._url.password or "")
        user = unquote(self._url.username or "default")
        greeting: list[Command] = [("HELLO", 3, "AUTH", user, password) if password else ("HELLO", 3)]
        if self._url.path.strip("/"):
            greeting.append(("SELECT", self._url.path.strip("/")))
        if self._tracked:
            prefixes = [part for prefix in self._tracked for part in ("PREFIX", prefix)]
            # NOLOOP: what this edge refills itself is no news to it.
            greeting.append(("CLIENT", "TRACKING", "ON", "BCAST", *prefixes, "NOLOOP"))
        # Refused while Redis loads its data: until it can answer, nobody is to ask it.
        greeting.append(("PING",))
        return greeting
