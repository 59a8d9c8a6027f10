from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.support.clickhouse import ANALYST, WRITER
from tests.support.eventually import eventually

Ask = Callable[..., Awaitable["Said"]]


class Said:
    """An answer of the server, taken in whole."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode().strip()

    @property
    def code(self) -> str:
        return self.headers.get("X-ClickHouse-Exception-Code", "")


def asker(session: aiohttp.ClientSession, port: int, user: str) -> Ask:
    name, password = user.split(":")
    credentials = {"X-ClickHouse-User": name, "X-ClickHouse-Key": password}

    async def ask(body: Any = None, *, method: str = "POST", headers: Any = None, **arguments: str) -> Said:
        headers = credentials if headers is None else headers
        arguments = {"database": "taptrail", **arguments}
        url = f"http://127.0.0.1:{port}/"
        async with session.request(method, url, params=arguments, data=body, headers=headers) as response:
            return Said(response.status, response.headers, await response.read())

    return ask


async def begun(ask: Ask, condition: str, count: int = 1) -> None:
    """Wait until the server knows `count` statements that a KILL QUERY of this condition would find."""

    async def found() -> int:
        return len((await ask(f"KILL QUERY WHERE {condition} TEST")).text.splitlines())

    await eventually(found, equals=count)


async def inside_engine(ask: Ask, query_id: str) -> None:
    """Wait until the engine works on this statement."""

    async def inside() -> str:
        sql = f"SELECT count() FROM system.processes WHERE query_id = '{query_id}' AND elapsed > 0"
        return (await ask(sql)).text

    await eventually(inside, equals="1")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
def writer(session: aiohttp.ClientSession, clickhouse_port: int) -> Ask:
    """ask(body, method=..., headers=..., **parameters) as the writer."""
    return asker(session, clickhouse_port, WRITER)


@pytest.fixture
def analyst(session: aiohttp.ClientSession, clickhouse_port: int) -> Ask:
    return asker(session, clickhouse_port, ANALYST)


@pytest.fixture
async def table(writer: Ask) -> AsyncIterator[str]:
    """An empty table of two columns, n and s."""
    await writer("CREATE TABLE scratch (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    yield "scratch"
    await writer("DROP TABLE scratch SYNC")
