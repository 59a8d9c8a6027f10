"""Erases contacts whose links are older than they are to be kept: a run a day, over all that have become due.

As with erasures each step may be done twice, and a run that was cut off goes on where it was.
"""

import asyncio
import logging
import secrets
from enum import Enum, auto

import msgspec

from aggregator import expiry_sql as sql
from aggregator.erasures import SETTLE_MS
from aggregator.mutations import at_work
from records.erasure import EXPIRIES
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

LOOK_S, BUSY_LOOK_S = 600.0, 2.0

log = logging.getLogger(__name__)


class Next(Enum):
    LINKS = auto()
    WAIT = auto()
    CLICKS = auto()


class Run(msgspec.Struct, frozen=True):
    """One that is not done."""

    until_link: int
    steps: dict[str, int]  # when each was last done: Unix milliseconds of the server, as now_ms
    now_ms: int


def next_of(run: Run, settle_ms: int = SETTLE_MS) -> Next:
    linked_ms = run.steps.get("linked")
    if linked_ms is None:
        return Next.LINKS
    return Next.WAIT if run.now_ms - linked_ms < settle_ms else Next.CLICKS


class Expiry:
    """clickhouse: with a timeout that a statement over a whole partition keeps. months: 0 keeps contacts for ever."""

    def __init__(self, clickhouse: ClickHouse, months: int, settle_ms: int = SETTLE_MS) -> None:
        self._clickhouse, self._months, self._settle_ms = clickhouse, months, settle_ms

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            is_busy = False
            try:
                is_busy = await self.look()
            except (ClickHouseRefused, ClickHouseUnreachable, OSError) as error:
                log.warning("expiry_deferred: ClickHouse is unavailable", extra={"error": str(error)[:300]})
            await asyncio.sleep(BUSY_LOOK_S if is_busy else LOOK_S)

    async def look(self) -> bool:
        """Do what there is to do now; gives whether there is more. A run that was begun is ended in any case."""
        runs = await self._clickhouse.rows(sql.OPEN, Run)
        if not runs:
            return bool(self._months) and await self._begin()
        run = runs[0]
        match next_of(run, self._settle_ms):
            case Next.LINKS:
                await self._clear_links(run.until_link)
            case Next.CLICKS:
                await self._clear_clicks(run.until_link)
        return True

    async def _begin(self) -> bool:
        for table in sql.OTHERS:
            if await self._clickhouse.value(sql.count_others(table, self._months)):
                await self._clickhouse.execute(sql.clear_others(table, self._months))
        due = await self._clickhouse.rows(sql.DUE, dict, months=self._months)
        for each in due:
            await self._record(each["until"], "begun")
        return bool(due)

    async def _clear_links(self, until: int) -> None:
        await self._clickhouse.execute(sql.DRAW_SECRET, until=until, secret=secrets.token_hex(16))
        if await self._clickhouse.value(sql.count_links(until)):
            await self._clickhouse.execute(sql.clear_links(until))
        await self._record(until, "linked")

    async def _clear_clicks(self, until: int) -> None:
        found = await self._clickhouse.rows(sql.partitions_with(until), dict)
        for each in found:
            await self._clickhouse.execute(sql.clear_clicks(until, each["partition"]))
        if found or str(until) in await at_work(self._clickhouse, "clicks", "links"):
            return
        await self._clickhouse.execute(f"ALTER TABLE {sql.SECRETS} DROP PARTITION {until}")
        await self._record(until, "done")
        log.info("contacts_expired: links up to this id and their clicks carry tokens", extra={"to": until})

    async def _record(self, until: int, step: str) -> None:
        await self._clickhouse.insert_rows(EXPIRIES, [{"until_link": until, "step": step}])
