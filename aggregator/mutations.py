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
WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done
"""


class Unfinished(msgspec.Struct, frozen=True):
    command: str
    parts_to_do: int


async def unfinished(clickhouse: ClickHouse, table: str) -> list[Unfinished]:
    """Mutations of a table that ClickHouse still works at."""
    return await clickhouse.rows(_UNFINISHED, Unfinished, table=table)


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
