"""The directory opens again after any end of its process."""

import asyncio
import contextlib
import os
import signal
import subprocess

import pytest

from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.eventually import eventually
from tests.support.processes import free_port, running

pytestmark = pytest.mark.servers

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


@contextlib.asynccontextmanager
async def served(folder):
    port = free_port()
    with running(clickhouse_command(folder, port), port, folder / "log", clickhouse_environ()) as pid:
        client = ClickHouse(f"http://{WRITER}@127.0.0.1:{port}", database="default")
        try:
            yield client, pid
        finally:
            await client.close()


async def test_what_was_inserted_is_there_after_sigkill(tmp_path):
    async with served(tmp_path) as (client, pid):
        await client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS fsync_after_insert = 1")
        for n in range(20):
            await client.insert("INSERT INTO default.t FORMAT TSV", b"%d\n" % n)
        os.kill(pid, signal.SIGKILL)

    async with served(tmp_path) as (client, _):
        assert await client.value("SELECT count() FROM t") == 20


async def test_sigterm_finishes_the_inserts_that_run(tmp_path):
    async with served(tmp_path) as (client, pid):
        await client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        sql = "INSERT INTO default.t SELECT number + sleepEachRow(0.1) FROM numbers(10) SETTINGS max_block_size = 1"
        inserting = asyncio.ensure_future(client.execute(sql))
        await eventually(lambda: client.value("SELECT count() FROM system.processes WHERE query LIKE 'INSERT%'"))
        os.kill(pid, signal.SIGTERM)
        await inserting

    async with served(tmp_path) as (client, _):
        assert await client.value("SELECT count() FROM t") == 10


async def test_sigterm_does_not_wait_for_readers(tmp_path):
    async with served(tmp_path) as (client, pid):
        reading = asyncio.ensure_future(client.value(ENDLESS))
        reading_now = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(n%'"
        await eventually(lambda: client.value(reading_now), equals=2)  # itself is one of them
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(5):
            with pytest.raises((ClickHouseRefused, ClickHouseUnreachable)):
                await reading


def test_a_second_process_on_the_same_directory_is_refused(tmp_path):
    port = free_port()
    with running(clickhouse_command(tmp_path, port), port, tmp_path / "log", clickhouse_environ()):
        refused = refusal(tmp_path, free_port())

    assert str(tmp_path) in refused
    assert "Traceback" not in refused


def test_a_port_that_is_taken_is_refused_by_number(tmp_path):
    (tmp_path / "first").mkdir()
    port = free_port()
    with running(clickhouse_command(tmp_path / "first", port), port, tmp_path / "log", clickhouse_environ()):
        refused = refusal(tmp_path / "second", port)

    assert str(port) in refused
    assert "Traceback" not in refused


async def test_a_body_beyond_the_limit_is_refused_and_inserts_nothing(tmp_path):
    port = free_port()
    command = clickhouse_command(tmp_path, port, "--max-body-bytes", "100000")
    with running(command, port, tmp_path / "log", clickhouse_environ()):
        client = ClickHouse(f"http://{WRITER}@127.0.0.1:{port}", database="default")
        await client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(ClickHouseRefused, match="larger than 100000 bytes"):
            await client.insert("INSERT INTO default.t FORMAT TSV", b"1\n" * 50_001)
        await client.insert("INSERT INTO default.t FORMAT TSV", b"1\n" * 50_000)
        assert await client.value("SELECT count() FROM t") == 50_000
        await client.close()


def test_a_missing_password_is_refused_by_name(tmp_path):
    assert "TAPTRAIL_CLICKHOUSE_ANALYST" in refusal(tmp_path, free_port(), TAPTRAIL_CLICKHOUSE_ANALYST="analyst")


def refusal(folder, port, **environ):
    """What a process that must not start says."""
    ended = subprocess.run(
        clickhouse_command(folder, port), env={**os.environ, **clickhouse_environ(), **environ},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    return ended.stderr
