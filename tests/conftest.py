"""Real servers for every test: a Valkey and a ClickHouse engine a session, emptied before each test that uses them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from aggregator.migrate import migrate
from runtime.clickhouse import ClickHouse
from runtime.redis_client import redis_client
from tests.support.clickhouse import ANALYST, WRITER, clickhouse_command, clickhouse_environ
from tests.support.processes import OwnValkey, free_port, running, running_valkey
from tests.support.tiers import pytest_collection_modifyitems, pytest_runtest_protocol, pytest_sessionstart

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_protocol", "pytest_sessionstart"]

settings.register_profile("taptrail", deadline=None)  # how long an example takes is the machine's
settings.load_profile("taptrail")


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    valkey = OwnValkey(tmp_path / "valkey", free_port())
    valkey.start()
    yield valkey
    valkey.kill()


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    folder, port = tmp_path_factory.mktemp("clickhouse"), free_port()
    with running(clickhouse_command(folder, port), port, folder / "log", clickhouse_environ()) as pid:
        asyncio.run(_migrate(f"http://{WRITER}@127.0.0.1:{port}"))
        yield port, pid


@pytest.fixture(scope="session")
def clickhouse_port(clickhouse_server: tuple[int, int]) -> int:
    return clickhouse_server[0]


@pytest.fixture(scope="session")
def clickhouse_pid(clickhouse_server: tuple[int, int]) -> int:
    return clickhouse_server[1]


@pytest.fixture(scope="session")
def clickhouse_url(clickhouse_port: int) -> str:
    """The writer's URL; the schema is there."""
    return f"http://{WRITER}@127.0.0.1:{clickhouse_port}"


@pytest.fixture(scope="session")
def analyst_url(clickhouse_port: int) -> str:
    return f"http://{ANALYST}@127.0.0.1:{clickhouse_port}"


@pytest.fixture
async def redis(valkey_url: str) -> AsyncIterator[Redis]:
    client = redis_client(valkey_url, timeout_s=10, connect_timeout_s=5)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def clickhouse(clickhouse_url: str) -> AsyncIterator[ClickHouse]:
    client = ClickHouse(clickhouse_url)
    await _empty(client)
    yield client
    await client.close()


@pytest.fixture(scope="module")
def empty_stores(valkey_url: str, clickhouse_url: str) -> tuple[str, str]:
    """The URLs of both, for a process that a whole module shares: nothing of the module before is in them."""
    asyncio.run(_empty_both(valkey_url, clickhouse_url))
    return valkey_url, clickhouse_url


async def _empty_both(valkey_url: str, clickhouse_url: str) -> None:
    redis, clickhouse = Redis.from_url(valkey_url), ClickHouse(clickhouse_url)
    await redis.flushall()
    await _empty(clickhouse)
    await redis.aclose()
    await clickhouse.close()


async def _migrate(url: str) -> None:
    client = ClickHouse(url)
    try:
        await migrate(client)
    finally:
        await client.close()


async def _empty(client: ClickHouse) -> None:
    names = await client.value(
        "SELECT groupUniqArray(concat(database, '.', table)) FROM system.parts"
        " WHERE startsWith(database, 'taptrail') AND table != 'migrations'"
    )
    for name in names:
        await client.execute(f"TRUNCATE TABLE {name} SETTINGS max_table_size_to_drop = 0")
