"""Writes to ClickHouse whose outcome is known in the end."""

import asyncio
from typing import Any

from control.http.problems import Problem
from runtime.clickhouse import ClickHouse, ClickHouseUnreachable

ATTEMPTS = 4


async def insert_until_known(clickhouse: ClickHouse, table: str, row: Any) -> None:
    """Insert a versioned row, again after no answer: a table that keeps one row per version bears it twice.

    Raises Problem when ClickHouse stays away.
    """
    for attempt in range(ATTEMPTS):
        try:
            await clickhouse.insert_rows(table, [row])
            return
        except ClickHouseUnreachable:
            await asyncio.sleep(0.1 * 4**attempt if attempt < ATTEMPTS - 1 else 0)
    raise unknown_outcome()


def unknown_outcome() -> Problem:
    detail = "ClickHouse did not answer, it is not known whether the change was recorded; send the same request again"
    return Problem("unavailable", detail, retry_after_s=5)
