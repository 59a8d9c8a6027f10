"""Runs a statement that rewrites parts, and tells how many are left."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from runtime.clickhouse import ClickHouse

EVERY_S = 0.5

_PARTS_LEFT = """
SELECT sum(parts_to_do) FROM system.mutations
WHERE database = currentDatabase() AND NOT is_done AND position(command, {named:String}) > 0
"""
_UNFINISHED = """
SELECT command, parts_to_do FROM system.mutations
WHERE concat(database, '.', table) IN ({table:String}, concat(currentDatabase(), '.', {table:String})) AND NOT is_done
"""

# This run, and those of a process that has been dead for a day: a younger one may still need its map.
_RUNS_THAT_ARE_OVER = """
SELECT groupArray(run) FROM
(
    SELECT run FROM {table} GROUP BY run HAVING run = {run:UInt64} OR max(written_at) < now() - INTERVAL 1 DAY
)
"""


class Unfinished(msgspec.Struct, frozen=True):
    command: str
    parts_to_do: int


async def unfinished(clickhouse: ClickHouse, table: str) -> list[Unfinished]:
    """Mutations of a table that ClickHouse still works at."""
    return await clickhouse.rows(_UNFINISHED, Unfinished, table=table)


async def at_work(clickhouse: ClickHouse, *tables: str) -> str:
    """The commands of the unfinished mutations of these tables, as one text: they name what they still read."""
    return " ".join([each.command for table in tables for each in await unfinished(clickhouse, table)])


async def parts_left_while(
    clickhouse: ClickHouse, sql: str, parameters: dict[str, Any], named: str
) -> AsyncIterator[int]:
    """Run an ALTER with mutations_sync; until it is done, give the number of its parts that are left, now and then.

    named: what stands in this statement alone. Raises what ClickHouse raises, also where it is silent meanwhile: the
    statement waits as long as it needs, the questions for its progress do not.
    """
    statement = asyncio.create_task(clickhouse.execute(sql, **parameters))
    try:
        while not (await asyncio.wait({statement}, timeout=EVERY_S))[0]:
            yield int(await asyncio.wait_for(clickhouse.value(_PARTS_LEFT, named=named), 30))
        await statement
    finally:
        statement.cancel()


async def forget_run(clickhouse: ClickHouse, map_table: str, run: int) -> None:
    """Drop what a run wrote into its map of verdicts, and what dead ones left; not what a mutation still reads."""
    commands = await at_work(clickhouse, "clicks")
    for each in await clickhouse.value(_RUNS_THAT_ARE_OVER.replace("{table}", map_table), run=run):
        if str(each) not in commands:
            await clickhouse.execute(f"ALTER TABLE {map_table} DROP PARTITION {each}")
