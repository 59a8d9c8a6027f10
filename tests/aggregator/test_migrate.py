"""A ClickHouse with the schema and the rows of an earlier version is brought up to date."""

import pytest

from aggregator.migrate import SCHEMA, migrate, statements
from runtime.clickhouse import ClickHouse
from tests.support.clickhouse import WRITER, clickhouse_command, clickhouse_environ
from tests.support.eventually import eventually
from tests.support.processes import free_port, running

pytestmark = pytest.mark.servers

FIRST_FILES = ("001_tables.sql", "002_views.sql", "003_insert_deadline.sql", "004_lost_clicks.sql")
OLD_CLICK = {
    "lane": 1, "account": "main", "broadcast_id": "spring", "contact_id": "c-1", "visit_class": "human",
    "clicked_at": "2026-09-21 14:13:20", "status": 302,
}  # fmt: skip
BY_HOUR = """
SELECT sum(clicks) FROM hourly_clicks WHERE broadcast_id = 'spring'
SETTINGS force_optimize_projection = 1, force_optimize_projection_name = 'by_hour'
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
            for statement in statements((SCHEMA / name).read_text()):
                await client.execute(statement)
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
    await old.execute("DELETE FROM migrations WHERE name NOT IN {names:Array(String)}", names=FIRST_FILES)

    again = await migrate(old)

    assert again == sorted(path.name for path in SCHEMA.glob("*.sql") if path.name not in FIRST_FILES)
    assert await old.value("SELECT human_clicks FROM broadcast_report") == 2
