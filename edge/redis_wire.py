"""A Redis connection made for one thing: many small commands an event-loop tick, few instructions each.

A batch of commands is written together and answered through one future: 3.6 us a command, where redis-py's asyncio
client took a third longer for the same batches (docs/decisions/0006). RESP3, so that invalidations arrive on the same
connection.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol, cast
from urllib.parse import unquote, urlsplit

import hiredis

Part = str | int | float | bytes | memoryview
Command = tuple[Part, ...]


class RedisUnavailable(Exception):
    """There is no connection, or it was lost or too slow: whether the commands ran is not known."""


class KeyListener(Protocol):
    """Hears what becomes of the tracked keys."""

    def connected(self) -> None:
        """Changes are heard of from now on; those before may have been missed."""

    def lost(self) -> None:
        """Changes are not heard of any more."""

    def flushed(self) -> None:
        """Every key is gone."""

    def changed(self, keys: list[str]) -> None:
        """Somebody else wrote or deleted these."""


class RedisClient(Protocol):
    """What look-ups ask of Redis, each command with the one key that it is about: a client of a cluster, which sends
    each to the node of its key, can stand here for RedisWire. All raise RedisUnavailable.
    """

    async def call(self, *command: Part) -> Any:
        """The reply to one command; raises hiredis.ReplyError when Redis refuses it."""

    async def batch(self, commands: Sequence[Command]) -> list[Any]:
        """The replies in order; an error reply is a hiredis.ReplyError at its index."""

    async def hget_many(self, fields: Sequence[tuple[str, int]]) -> list[Any]:
        """The same for an HGET of each (key, field)."""


class NoListener:
    """Ignores everything."""

    def connected(self) -> None: ...

    def lost(self) -> None: ...

    def flushed(self) -> None: ...

    def changed(self, keys: list[str]) -> None: ...


NO_LISTENER = NoListener()


class RedisWire:
    """Keeps one connection to `url` open; while there is none, every call fails at once.

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
        self._link: _Connection | None = None
        self._first = asyncio.Event()
        self.connects = 0

    @property
    def connected(self) -> bool:
        return self._link is not None

    async def keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost; runs until cancelled."""
        pause_s = 0.05
        while True:
            try:
                link = await self._connect()
            except (OSError, RedisUnavailable, TimeoutError, hiredis.ReplyError):
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)
                continue
            pause_s = 0.05
            self._link = link
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
        return await self._send(_packed(commands), len(commands))

    async def hget_many(self, fields: Sequence[tuple[str, int]]) -> list[Any]:
        """The same for an HGET of each (key, field)."""
        return await self._send(_packed_hgets(fields), len(fields))

    async def _send(self, commands: bytes, count: int) -> list[Any]:
        if self._link is None:
            raise RedisUnavailable("not connected")
        return await self._link.send(commands, count)

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

    async def _connect(self) -> "_Connection":
        host, port = self._url.hostname or "127.0.0.1", self._url.port or 6379
        secure = ssl.create_default_context() if self._url.scheme == "rediss" else None
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(2.0):
            _, link = await loop.create_connection(lambda: _Connection(self._listener), host, port, ssl=secure)
            try:
                greeting = self._greeting()
                for reply in await link.send(_packed(greeting), len(greeting)):
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


def _seen(future: "asyncio.Future[list[Any]]") -> None:
    if not future.cancelled():
        future.exception()


def _packed(commands: Sequence[Command]) -> bytes:
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]


class _Bulks(dict[int, str]):
    """Numbers as they stand in a command; few are ever asked for."""

    def __missing__(self, number: int) -> str:
        text = str(number)
        self[number] = bulk = f"${len(text)}\r\n{text}\r\n"
        return bulk


_bulks = _Bulks()


def _packed_hgets(fields: Sequence[tuple[str, int]]) -> bytes:
    """keys: ASCII. 0.3 us a field, where hiredis packs one in 0.6, and most taps need one."""
    return "".join([f"*3\r\n$4\r\nHGET\r\n${len(key)}\r\n{key}\r\n{_bulks[field]}" for key, field in fields]).encode()


_PING = _packed([("PING",)])


class _Connection(asyncio.Protocol):
    def __init__(self, listener: KeyListener) -> None:
        self._listener = listener
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[asyncio.Future[list[Any]], int, float]] = deque()  # future, replies, sent at
        self._replies: list[Any] = []
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, commands: bytes, count: int) -> "asyncio.Future[list[Any]]":
        if self._transport is None or self._transport.is_closing():
            raise RedisUnavailable("connection lost")
        self._transport.write(commands)
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._waiting.append((future, count, self._loop.time()))
        return future

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.PushNotification):
                if reply[0] == b"invalidate":
                    self._invalidated(reply[1])
                continue
            self._replies.append(reply)
            future, count, _ = self._waiting[0]
            if len(self._replies) == count:
                self._waiting.popleft()
                if not future.done():
                    future.set_result(self._replies)
                self._replies = []

    def _invalidated(self, keys: list[bytes] | None) -> None:
        if keys is None:
            self._listener.flushed()
        else:
            self._listener.changed([key.decode("utf-8", "replace") for key in keys])

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        while self._waiting:
            future, _, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisUnavailable("connection lost"))

    async def watch(self, timeout_s: float) -> None:
        """Return when the connection is lost, or when it has owed an answer for too long."""
        while not self._closed.is_set():
            if self._waiting and self._loop.time() - self._waiting[0][2] > timeout_s:
                return
            if not self._waiting:
                # A path that died silently sends no invalidation either: somebody has to ask.
                try:
                    self.send(_PING, 1).add_done_callback(_seen)
                except RedisUnavailable:
                    return
            try:
                async with asyncio.timeout(timeout_s / 4):
                    await self._closed.wait()
            except TimeoutError:
                continue

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self.connection_lost(None)
