"""Moves the tables that no analyst needs out of database taptrail, where releases before had them.

Processes of such a release that still run go on reading them, through a view in the place of each; what they write
there is refused, so that nothing is ever written beside the table. A day after the move, the next start takes the views
away.
"""

from runtime.clickhouse import ClickHouse, ClickHouseRefused

# The last one says which migrations there were: an old aggregator that starts in the midst of a move makes no table.
MOVED = ("mints", "ended_lanes", "begun", "api_keys", "migrations")
_TABLE_ALREADY_EXISTS, _UNKNOWN_TABLE = 57, 60

_TABLES = """
SELECT groupArray(name) FROM system.tables
WHERE database = {database:String} AND name IN {names:Array(String)} AND engine LIKE '%MergeTree'
"""
_OLD_VIEWS = """
SELECT groupArray(name) FROM system.tables
WHERE database = 'taptrail' AND name IN {names:Array(String)} AND engine = 'View'
    AND metadata_modification_time <= now() - toIntervalSecond({age:UInt32})
"""


async def move_internal_tables(clickhouse: ClickHouse, views_live_s: int = 86_400) -> None:
    """May be cut short and repeated, also by several aggregators at the same time."""
    old, moved = await _tables(clickhouse, "taptrail"), await _tables(clickhouse, "taptrail_internal")
    for name in MOVED if old else ():
        if name in old:
            await _move(clickhouse, name)
        if name in old | moved:
            await clickhouse.execute(
                f"CREATE VIEW IF NOT EXISTS taptrail.{name} AS SELECT * FROM taptrail_internal.{name}"  # noqa: S608
            )
    for name in await clickhouse.value(_OLD_VIEWS, names=MOVED, age=views_live_s):
        await clickhouse.execute(f"DROP VIEW IF EXISTS taptrail.{name}")


async def _move(clickhouse: ClickHouse, name: str) -> None:
    try:
        await clickhouse.execute(f"RENAME TABLE taptrail.{name} TO taptrail_internal.{name}")
    except ClickHouseRefused as error:
        moved_meanwhile = error.code in (_TABLE_ALREADY_EXISTS, _UNKNOWN_TABLE)  # by another aggregator
        if not moved_meanwhile or name in await _tables(clickhouse, "taptrail"):
            raise


async def _tables(clickhouse: ClickHouse, database: str) -> set[str]:
    return set(await clickhouse.value(_TABLES, database=database, names=MOVED))
