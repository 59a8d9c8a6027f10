"""One connection to Redis: packed commands out, batches of replies and invalidations in. RESP3."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, cast

import hiredis

Part = str | int | float | bytes | memoryview
Command = tuple[Part, ...]
Replies = list[Any]  # in the order of their commands; an error reply is a hiredis.ReplyError at its index
OnReplies = Callable[[Replies | None], None]  # gets None where they were lost. It must not raise


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


class NoListener:
    """Ignores everything."""

    def connected(self) -> None: ...

    def lost(self) -> None: ...

    def flushed(self) -> None: ...

    def changed(self, keys: list[str]) -> None: ...


NO_LISTENER = NoListener()


def _resolve(future: "asyncio.Future[Replies]", replies: Replies | None) -> None:
    if future.done():  # its caller was cancelled
        return
    if replies is None:
        future.set_exception(RedisUnavailable("connection lost"))
    else:
        future.set_result(replies)


def _ignored(replies: Replies | None) -> None:
    """Nobody waits for these."""


def packed(commands: Sequence[Command]) -> bytes:
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]


_PING = packed([("PING",)])


class RedisConnection(asyncio.Protocol):
    def __init__(self, listener: KeyListener) -> None:
        self._listener = listener
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[OnReplies, int, float]] = deque()  # who waits, for how many, since when
        self._replies: list[Any] = []
        self._loop = asyncio.get_running_loop()
        self._closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, commands: bytes, count: int, on_replies: OnReplies) -> None:
        """Commands with so many replies. Raises RedisUnavailable where there is no connection any more."""
        if self._transport is None or self._transport.is_closing():
            raise RedisUnavailable("connection lost")
        self._transport.write(commands)
        self._waiting.append((on_replies, count, self._loop.time()))

    async def replies(self, commands: bytes, count: int) -> Replies:
        """Raises RedisUnavailable."""
        future: asyncio.Future[Replies] = self._loop.create_future()
        self.send(commands, count, partial(_resolve, future))
        return await future

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, hiredis.PushNotification):
                if reply[0] == b"invalidate":
                    self._invalidated(reply[1])
                continue
            self._replies.append(reply)
            on_replies, count, _ = self._waiting[0]
            if len(self._replies) == count:
                self._waiting.popleft()
                replies, self._replies = self._replies, []
                on_replies(replies)

    def _invalidated(self, keys: list[bytes] | None) -> None:
        if keys is None:
            self._listener.flushed()
        else:
            self._listener.changed([key.decode("utf-8", "replace") for key in keys])

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        while self._waiting:
            on_replies, _, _ = self._waiting.popleft()
            on_replies(None)

    async def watch(self, timeout_s: float) -> None:
        """Return when the connection is lost, or when it has owed an answer for too long."""
        while not self._closed.is_set():
            if self._waiting and self._loop.time() - self._waiting[0][2] > timeout_s:
                return
            if not self._waiting:
                # A path that died silently sends no invalidation either: somebody has to ask.
                try:
                    self.send(_PING, 1, _ignored)
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
