"""A proxy of the tests' own in front of ClickHouse, that spoils chosen INSERTs on their way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import msgspec


class Exchange(msgspec.Struct, frozen=True):
    """One request, read whole, and the two connections."""

    head: bytes
    body: bytes
    client: asyncio.StreamWriter
    answers: asyncio.StreamReader
    server: asyncio.StreamWriter

    async def send(self, part: bytes) -> None:
        self.server.write(part)
        await self.server.drain()

    async def reply(self) -> None:
        self.client.write(await self.answers.read())
        await self.client.drain()


Fault = Callable[[Exchange], Awaitable[None]]


class Proxy:
    """Hands everything on; each INSERT into the table meets the next of `faults`, as long as there are any."""

    def __init__(self, clickhouse_url: str, table: str = "clicks") -> None:
        """table: "" for every one."""
        self._upstream = urlsplit(clickhouse_url)
        self._insert = f"INSERT+INTO+{table}".encode()
        self.faults: list[Fault] = []
        self.under_way = 0
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        login = self._upstream.netloc.rpartition("@")[0]
        self.url = urlunsplit(self._upstream._replace(netloc=f"{login}@127.0.0.1:{port}"))
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        self.under_way += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:")
                exchange = Exchange(_closing(head), await reader.readexactly(length), client, answers, server)
                await self._fault_for(head)(exchange)
        finally:
            self.under_way -= 1
            client.close()
            server.close()

    def _fault_for(self, head: bytes) -> Fault:
        if self._insert not in head.split(b"\r\n", 1)[0]:
            return hand_on
        return self.faults.pop(0) if self.faults else hand_on


def _closing(head: bytes) -> bytes:
    """One request a connection: the end of the answer is the end of the connection."""
    return head[:-2] + b"Connection: close\r\n\r\n"


async def hand_on(exchange: Exchange) -> None:
    await exchange.send(exchange.head + exchange.body)
    await exchange.reply()


async def drop_the_reply(exchange: Exchange) -> None:
    """ClickHouse has committed; nobody hears of it."""
    await exchange.send(exchange.head + exchange.body)
    await exchange.answers.read()


async def take_nothing(exchange: Exchange) -> None:
    """The body never reaches ClickHouse."""


async def cut_the_body(exchange: Exchange) -> None:
    await exchange.send(exchange.head + exchange.body[: len(exchange.body) // 2])


def reply_after(seconds: float) -> Fault:
    """Committed at once, told of too late."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(exchange.head + exchange.body)
        answer = await exchange.answers.read()
        await asyncio.sleep(seconds)
        exchange.client.write(answer)

    return fault


def finish_after(seconds: float) -> Fault:
    """The end of the body reaches ClickHouse when the client has long given up: it would commit then."""

    async def fault(exchange: Exchange) -> None:
        await exchange.send(exchange.head + exchange.body[:-1])
        await asyncio.sleep(seconds)
        await exchange.send(exchange.body[-1:])
        await exchange.reply()

    return fault


def finish_when(released: asyncio.Event) -> Fault:
    async def fault(exchange: Exchange) -> None:
        await exchange.send(exchange.head + exchange.body[:-1])
        await released.wait()
        await exchange.send(exchange.body[-1:])
        await exchange.reply()

    return fault


def deliver_after(seconds: float) -> Fault:
    """ClickHouse hears nothing of it until the client has given up, asked for it and looked up its rows."""

    async def fault(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await hand_on(exchange)

    return fault


def deliver_when(released: asyncio.Event) -> Fault:
    async def fault(exchange: Exchange) -> None:
        await released.wait()
        await hand_on(exchange)

    return fault


def hang_after(fault: Fault, happened: asyncio.Event) -> Fault:
    """Nobody is answered afterwards, until the client is gone."""

    async def both(exchange: Exchange) -> None:
        await fault(exchange)
        happened.set()
        await exchange.client.wait_closed()

    return both


def refuse(code: int) -> Fault:
    """What ClickHouse says when it is too full or too slow; nothing is taken."""
    body = f"Code: {code}. DB::Exception: refused".encode()

    async def fault(exchange: Exchange) -> None:
        exchange.client.write(
            b"HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Exception-Code: %d\r\nContent-Length: %d\r\n"
            b"Connection: close\r\n\r\n%s" % (code, len(body), body)
        )
        await exchange.client.drain()

    return fault


async def unavailable(exchange: Exchange) -> None:
    exchange.client.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await exchange.client.drain()
