"""Brings the ClickHouse schema up to date: schema/NNN_*.sql in order, each once; views and comments every time."""

from pathlib import Path

from aggregator.comments import comment
from aggregator.internal_tables import move_internal_tables
from runtime.clickhouse import ClickHouse

SCHEMA = Path(__file__).parent / "schema"
MIGRATIONS = sorted(SCHEMA.glob("[0-9]*.sql"))
VIEWS = SCHEMA / "views.sql"


async def migrate(clickhouse: ClickHouse) -> list[str]:
    """Apply the migrations that have not been applied yet; gives their names. `clickhouse` needs no database yet.

    The views are made as they are in this release, unless a newer release has been here: then they are that one's.
    """
    for database in ("taptrail", "taptrail_internal"):
        await clickhouse.execute_without_database(f"CREATE DATABASE IF NOT EXISTS {database}")
    await move_internal_tables(clickhouse)
    await clickhouse.execute(
        "CREATE TABLE IF NOT EXISTS taptrail_internal.migrations (name String, applied_at DateTime DEFAULT now())"
        " ENGINE = MergeTree ORDER BY name"
    )
    applied = set(await clickhouse.value("SELECT groupArray(name) FROM taptrail_internal.migrations"))
    missing = [path for path in MIGRATIONS if path.name not in applied]
    for path in missing:
        await _execute(clickhouse, path.read_text())
        await clickhouse.execute("INSERT INTO taptrail_internal.migrations (name) SELECT {name:String}", name=path.name)
    if applied <= {path.name for path in MIGRATIONS}:
        await _execute(clickhouse, VIEWS.read_text())
        await comment(clickhouse)
    return [path.name for path in missing]


async def _execute(clickhouse: ClickHouse, text: str) -> None:
    for statement in statements(text):
        await clickhouse.execute(statement)


def statements(text: str) -> list[str]:
    """The statements of a file, each ended by a semicolon at the end of a line; comments are left out.

    Every statement can be repeated (CREATE ... IF NOT EXISTS): a crash in the middle of a file is repaired by the
    next start.
    """
    lines = (line.split("--", 1)[0].rstrip() for line in text.splitlines())
    joined = "\n".join(line for line in lines if line)
    return [part.strip() for part in (joined + "\n").split(";\n") if part.strip()]
