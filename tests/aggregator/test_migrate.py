"""A ClickHouse with the schema and the rows of an earlier version is brought up to date."""

import asyncio
from pathlib import Path

import pytest

from aggregator.migrate import MIGRATIONS, SCHEMA, migrate, statements
from runtime.clickhouse import ClickHouse
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.eventually import eventually
from tests.support.processes import free_port, running

pytestmark = pytest.mark.servers

FIRST_VIEWS_NAME, FIRST_VIEWS = "002_views.sql", Path(__file__).with_name("first_views.sql")
FIRST_FILES = ("001_tables.sql", FIRST_VIEWS_NAME, "003_insert_deadline.sql", "004_lost_clicks.sql")
OLD_CLICK = {
    "lane": 1, "account": "main", "broadcast_id": "spring", "contact_id": "c-1", "visit_class": "human",
    "clicked_at": "2026-09-21 14:13:20", "status": 302,
}  # fmt: skip
BY_HOUR = """
SELECT sum(clicks) FROM hourly_clicks WHERE broadcast_id = 'spring'
SETTINGS force_optimize_projection = 1, force_optimize_projection_name = 'hourly'
"""


@pytest.fixture
async def old(tmp_path):
    """A server of its own as the first version left it, with two clicks."""
    port = free_port()
    with running(clickhouse_command(tmp_path, port), port, tmp_path / "log", clickhouse_environ()):
        client = ClickHouse(f"http://{WRITER}@127.0.0.1:{port}")
        await client.execute_without_database("CREATE DATABASE taptrail")
        await client.execute("CREATE TABLE migrations (name String) ENGINE = MergeTree ORDER BY name")
        await client.execute("ALTER TABLE migrations ADD COLUMN applied_at DateTime DEFAULT now()")
        for name in FIRST_FILES:
            path = FIRST_VIEWS if name == FIRST_VIEWS_NAME else SCHEMA / name
            for statement in statements(path.read_text()):
                await client.execute(statement.replace("taptrail_internal.", "taptrail."))
            await client.insert_rows("migrations", [{"name": name}])
        await client.insert_rows("clicks", [{**OLD_CLICK, "seq": seq} for seq in (1, 2)])
        yield client
        await client.close()


async def test_rows_of_an_earlier_version_count_as_before(old):
    before = await old.value("SELECT human_clicks FROM broadcast_report")

    assert [name for name in await migrate(old) if name in FIRST_FILES] == []

    assert await old.value("SELECT human_clicks FROM broadcast_report") == before == 2
    # The old part gets its projection in the background.
    await eventually(lambda: old.value("SELECT count() FROM system.mutations WHERE NOT is_done"), equals=0)
    assert await old.value(BY_HOUR) == 2


async def test_a_migration_that_was_cut_short_is_repeated(old):
    await migrate(old)
    await old.execute(
        "DELETE FROM taptrail_internal.migrations WHERE name NOT IN {names:Array(String)}", names=FIRST_FILES
    )

    again = await migrate(old)

    assert again == [path.name for path in MIGRATIONS if path.name not in FIRST_FILES]
    assert await old.value("SELECT human_clicks FROM broadcast_report") == 2


async def test_each_migration_has_its_row_and_the_views_have_none(old):
    await migrate(old)

    rows = await old.value("SELECT arraySort(groupArray(name)) FROM taptrail_internal.migrations")
    assert rows == [path.name for path in MIGRATIONS]
    assert "views.sql" not in rows


async def test_the_views_of_an_earlier_version_are_replaced(old):
    before = await columns(old, "contact_clicks")

    await migrate(old)

    assert await columns(old, "contact_clicks") == [*before[:-2], "visitors", *before[-2:]]
    assert "refusal" in await columns(old, "hourly_clicks")


async def test_every_start_makes_the_views_of_its_release(old):
    await migrate(old)
    await old.execute("CREATE OR REPLACE VIEW hourly_clicks AS SELECT 1 AS clicks")
    await old.execute("ALTER TABLE broadcasts ADD COLUMN dialect String")

    assert await migrate(old) == []

    assert "hour" in await columns(old, "hourly_clicks")
    assert "dialect" in await columns(old, "broadcasts_now")


async def test_a_newer_release_keeps_its_views(old):
    await migrate(old)
    await old.execute("INSERT INTO taptrail_internal.migrations (name) SELECT '999_tomorrow.sql'")
    await old.execute("CREATE OR REPLACE VIEW hourly_clicks AS SELECT 1 AS tomorrow")

    assert await migrate(old) == []

    assert await columns(old, "hourly_clicks") == ["tomorrow"]


async def test_aggregators_that_start_at_the_same_time_make_the_views_together(old):
    await migrate(old)

    assert await asyncio.gather(*(migrate(old) for _ in range(4))) == [[], [], [], []]

    assert "hour" in await columns(old, "hourly_clicks")


async def columns(client, table):
    return await client.value(
        "SELECT groupArray(name) FROM (SELECT name FROM system.columns WHERE database = 'taptrail'"
        " AND table = {table:String} ORDER BY position)", table=table,
    )  # fmt: skip
