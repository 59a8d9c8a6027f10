"""Brings the ClickHouse schema up to date: schema/NNN_*.sql in order, each statement once."""

from pathlib import Path

from runtime.clickhouse import ClickHouse

SCHEMA = Path(__file__).parent / "schema"


async def migrate(clickhouse: ClickHouse) -> list[str]:
    """Apply the files that have not been applied yet; gives their names. `clickhouse` needs no database yet."""
    await clickhouse.execute_without_database("CREATE DATABASE IF NOT EXISTS taptrail")
    await clickhouse.execute(
        "CREATE TABLE IF NOT EXISTS migrations (name String, applied_at DateTime DEFAULT now())"
        " ENGINE = MergeTree ORDER BY name"
    )
    applied = []
    for path in sorted(SCHEMA.glob("*.sql")):
        if await clickhouse.value("SELECT count() FROM migrations WHERE name = {name:String}", name=path.name):
            continue
        for statement in statements(path.read_text()):
            await clickhouse.execute(statement)
        await clickhouse.execute("INSERT INTO migrations (name) SELECT {name:String}", name=path.name)
        applied.append(path.name)
    return applied


def statements(text: str) -> list[str]:
    """The statements of a file, each ended by a semicolon at the end of a line; comments are left out.

    Every statement can be repeated (CREATE ... IF NOT EXISTS): a crash in the middle of a file is mended by the
    next start.
    """
    lines = (line.split("--", 1)[0].rstrip() for line in text.splitlines())
    joined = "\n".join(line for line in lines if line)
    return [part.strip() for part in (joined + "\n").split(";\n") if part.strip()]
