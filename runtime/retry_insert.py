"""Writes to ClickHouse whose outcome is known in the end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from runtime.clickhouse import ClickHouse, ClickHouseUnreachable

PAUSES_S = (0.1, 0.4, 1.6)


class OutcomeUnknown(ClickHouseUnreachable):
    """ClickHouse answered no attempt of a write: it may have taken effect."""


async def until_confirmed(attempt: Callable[[int], Awaitable[None]], pauses_s: Sequence[float] = PAUSES_S) -> None:
    """Await attempt(0), attempt(1), ... until ClickHouse answers one of them; raises OutcomeUnknown if it answers none.

    From attempt(1) on an earlier attempt may have taken effect: attempt looks before it writes, or its write is safe to
    repeat. pauses_s: before each further attempt.
    """
    for number, pause_s in enumerate((0.0, *pauses_s)):
        await asyncio.sleep(pause_s)
        try:
            await attempt(number)
            return
        except ClickHouseUnreachable as error:
            unanswered = error
    raise OutcomeUnknown(str(unanswered)) from unanswered


async def insert_until_known(clickhouse: ClickHouse, table: str, *rows: Any) -> None:
    """Insert versioned rows, all or none; safe to repeat, as one row per version is kept. Raises OutcomeUnknown."""

    async def attempt(_: int) -> None:
        await clickhouse.insert_rows(table, list(rows))

    await until_confirmed(attempt)
