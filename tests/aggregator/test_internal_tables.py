"""Tables that no analyst needs move to a database of their own, while processes of the release before run."""

import asyncio

import pytest

from aggregator.internal_tables import MOVED, move_internal_tables
from aggregator.migrate import migrate
from runtime.clickhouse import ClickHouse, ClickHouseRefused
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.processes import free_port, running

pytestmark = pytest.mark.servers

CLAIM = {"account": "main", "broadcast_no": 5, "idempotency_key": "k", "first_link_id": 100, "links": 20}
NAMES = "SELECT arraySort(groupArray(name)) FROM system.tables WHERE database = {database:String}"


@pytest.fixture
async def server(tmp_path):
    port = free_port()
    with running(clickhouse_command(tmp_path, port), port, tmp_path / "log", clickhouse_environ()):
        async with ClickHouse(f"http://{WRITER}@127.0.0.1:{port}") as client:
            yield client


@pytest.fixture
async def before(server):
    """As the release before left it: all tables in one database, with a claim of 20 links."""
    await migrate(server)
    for name in MOVED:
        await server.execute(f"RENAME TABLE taptrail_internal.{name} TO taptrail.{name}")
    await server.execute("DROP DATABASE taptrail_internal")
    await server.insert_rows("taptrail.mints", [CLAIM])
    return server


async def test_a_new_system_has_nothing_of_them_where_analysts_look(server):
    await migrate(server)

    assert set(MOVED) < set(await server.value(NAMES, database="taptrail_internal"))
    assert not set(MOVED) & set(await server.value(NAMES, database="taptrail"))


async def test_an_upgrade_moves_them_with_their_rows(before):
    applied = await before.value("SELECT count() FROM taptrail.migrations")

    assert await migrate(before) == []

    assert await before.value("SELECT sum(links) FROM taptrail_internal.mints") == 20
    assert await before.value("SELECT count() FROM taptrail_internal.migrations") == applied


async def test_a_process_of_the_release_before_reads_on_and_writes_nothing_beside(before):
    await migrate(before)

    assert await before.value("SELECT max(first_link_id + links) FROM mints") == 120
    assert await before.value("SELECT count() FROM migrations") > 0
    with pytest.raises(ClickHouseRefused):
        await before.insert_rows("mints", [CLAIM])
    await before.execute("CREATE TABLE IF NOT EXISTS mints (n UInt8) ENGINE = MergeTree ORDER BY n")  # its aggregator
    assert await before.value("SELECT sum(links) FROM mints") == 20


async def test_a_day_later_nothing_is_left_of_them(before):
    await migrate(before)
    await move_internal_tables(before)
    assert set(MOVED) <= set(await before.value(NAMES, database="taptrail"))

    await move_internal_tables(before, views_live_s=0)

    assert not set(MOVED) & set(await before.value(NAMES, database="taptrail"))
    assert await before.value("SELECT sum(links) FROM taptrail_internal.mints") == 20


async def test_a_move_that_was_cut_short_is_finished(before):
    await before.execute("CREATE DATABASE taptrail_internal")
    await before.execute("RENAME TABLE taptrail.mints TO taptrail_internal.mints")

    assert await migrate(before) == []

    assert set(await before.value(NAMES, database="taptrail_internal")) == set(MOVED)
    assert set(MOVED) <= set(await before.value(NAMES, database="taptrail"))
    assert await before.value("SELECT sum(links) FROM taptrail_internal.mints") == 20


async def test_aggregators_that_start_at_the_same_time_move_them_once(before):
    assert await asyncio.gather(*(migrate(before) for _ in range(4))) == [[], [], [], []]

    assert await before.value("SELECT sum(links) FROM taptrail_internal.mints") == 20
