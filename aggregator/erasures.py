"""Erases contacts from the tables: their ids become tokens; rows and sums stay.

The work is a row of a table until it is done, and each step may be done twice: aggregators that do the same at the same
time, or one that was killed in the midst, end the same. docs/privacy.md has the order of the steps, and why.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from enum import Enum, auto

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from aggregator import erasure_sql as sql
from aggregator.erased import ErasedLinks
from aggregator.mutations import at_work
from records.erasure import NAMES, STEPS, Step, asked_at_ms, erasure_id
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

LOOK_S = 2.0
LONG_S, SAY_AGAIN_S = 3600.0, 3600.0  # an erasure that takes longer is named, once an hour
MOST_AT_ONCE = 1_000  # in one mutation: a thousand take hardly longer than one
# Since links are known to be erased: every aggregator has heard of it (erased.py), and what it had sent before is in.
SETTLE_MS = 10_000
LATE_S = 15.0  # until a click that was inserted is trimmed in Redis
_CHANGED = ("clicks", "links", "dead_clicks", "taptrail_internal.mints")  # by mutations that read the names

log = logging.getLogger(__name__)


class Pending(msgspec.Struct, frozen=True):
    """An erasure that is not done."""

    erasure: int
    steps: dict[str, int]  # when each was last done: Unix milliseconds of the server, as now_ms
    is_named: bool
    now_ms: int


class Next(Enum):
    LINK = auto()
    WAIT = auto()
    CLEAR = auto()
    END = auto()
    RECORD = auto()  # its name is gone, which is the last thing that is done


def next_of(pending: Pending, settle_ms: int = SETTLE_MS) -> Next:
    """What an aggregator does of it now. Links that were minted meanwhile make it begin again."""
    linked_ms = pending.steps.get(Step.LINKED)
    if not pending.is_named:
        return Next.RECORD
    if linked_ms is None:
        return Next.LINK
    if pending.now_ms - linked_ms < settle_ms:
        return Next.WAIT
    if pending.steps.get(Step.CLEARED, 0) < linked_ms:
        return Next.CLEAR
    return Next.END if pending.steps.get(Step.FORGOTTEN, 0) > linked_ms else Next.WAIT


class Waiting(msgspec.Struct, frozen=True):
    """Erasures that are not done."""

    erasures: int = 0
    oldest_s: float = 0.0  # since it was asked for


def waiting_of(pending: Sequence[Pending]) -> Waiting:
    """pending: the oldest first."""
    if not pending:
        return Waiting()
    return Waiting(len(pending), max(pending[0].now_ms - asked_at_ms(pending[0].erasure), 0) / 1000)


class _Partition(msgspec.Struct, frozen=True):
    partition: str
    rows: int


class Erasures:
    """clickhouse: with a timeout that a statement over a whole partition keeps. redis: of the clicks."""

    def __init__(
        self, clickhouse: ClickHouse, redis: Redis, settle_ms: int = SETTLE_MS, erased: ErasedLinks | None = None
    ) -> None:
        self._clickhouse, self._redis, self._settle_ms = clickhouse, redis, settle_ms
        self._erased, self._rewritten_for_s = erased or ErasedLinks(clickhouse), 0.0
        self.waiting = Waiting()
        self._said_at_s = -SAY_AGAIN_S

    async def run(self, every_s: float = LOOK_S) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except (ClickHouseRefused, ClickHouseUnreachable, RedisError, OSError) as error:
                log.warning("erasures_deferred: a store is unavailable", extra={"error": str(error)[:300]})
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Do what there is to do now."""
        pending = await self._clickhouse.rows(sql.PENDING, Pending, most=MOST_AT_ONCE)
        self._say(pending)
        by_step: dict[Next, list[int]] = {step: [] for step in Next}
        for one in pending:
            by_step[next_of(one, self._settle_ms)].append(one.erasure)
        if done := by_step[Next.RECORD]:
            await self._record(Step.DONE, done)
        if ended := by_step[Next.END]:
            await self._end(ended)
        if to_clear := by_step[Next.CLEAR]:
            await self._clear(to_clear)
        if to_link := by_step[Next.LINK]:
            await self._link(to_link)
        await self._drop(await self._clickhouse.value(sql.CUT_OFF))
        await self._rewrite_after_late()

    async def _rewrite_after_late(self) -> None:
        """A click from a spool has been in Redis with its contact. It is trimmed there by now, not in the file."""
        late_at_s = self._erased.late_at_s
        if self._rewritten_for_s < late_at_s <= time.time() - LATE_S and await self._rewrite_file():
            self._rewritten_for_s = late_at_s

    def _say(self, pending: Sequence[Pending]) -> None:
        self.waiting, now_s = waiting_of(pending), time.monotonic()
        if self.waiting.oldest_s < LONG_S or now_s - self._said_at_s < SAY_AGAIN_S:
            return
        self._said_at_s = now_s
        log.warning(
            "erasure_waits: a contact is not erased yet",
            extra={
                "erasure": erasure_id(pending[0].erasure), "erasures": self.waiting.erasures,
                "waits_for": next_of(pending[0], self._settle_ms).name.lower(), "in_s": round(self.waiting.oldest_s),
            },
        )  # fmt: skip

    async def _link(self, erasures: list[int]) -> None:
        await self._record(Step.BEGUN, erasures)
        await self._clickhouse.execute(sql.find_links(erasures))
        await self._clickhouse.execute(sql.find_links_to_stop(erasures))
        if await self._clickhouse.value(sql.count_links_to_clear(erasures)):
            await self._clickhouse.execute(sql.clear_links(erasures))
        await self._clear_claims(erasures)
        await self._record(Step.LINKED, erasures)

    async def _clear_claims(self, erasures: list[int]) -> None:
        if await self._clickhouse.value(sql.count_claims_named(erasures)):
            await self._clickhouse.execute(sql.drop_claims(erasures))
        if await self._clickhouse.value(sql.count_claims(erasures)):
            await self._clickhouse.execute(sql.clear_claims(erasures))

    async def _clear(self, erasures: list[int]) -> None:
        cleared = await self._clear_clicks(erasures)
        if await self._clickhouse.value(sql.count_dead(erasures)):
            await self._clickhouse.execute(sql.clear_dead(erasures))
        await self._record(Step.CLEARED, erasures)
        log.info("contacts_cleared: clicks carry tokens", extra={"erasures": len(erasures), "rows": cleared})

    async def _clear_clicks(self, erasures: list[int]) -> int:
        found = await self._clickhouse.rows(sql.partitions_with(erasures), _Partition)
        for each in found:
            await self._clickhouse.execute(sql.clear_clicks(erasures, each.partition))
        return sum(each.rows for each in found)

    async def _end(self, erasures: list[int]) -> None:
        """Look once more for what came meanwhile, then forget who it was."""
        if await self._clickhouse.value(sql.RUNNING_EXPIRIES):
            return
        if await self._clickhouse.value(sql.count_links(erasures)):
            await self._link(erasures)
            return
        if await self._clear_clicks(erasures) or await self._clickhouse.value(sql.count_dead(erasures)):
            await self._clear(erasures)
            return
        if not await self._rewrite_file():
            return
        dropped = await self._drop(erasures)
        await self._record(Step.DONE, dropped)
        log.info("contacts_erased: nothing names them any more", extra={"erasures": len(dropped)})

    async def _rewrite_file(self) -> bool:
        """Streams are trimmed; the append-only file of Redis keeps their entries until it is rewritten.

        False: another rewriting is under way, which may have begun before the last entry was trimmed.
        """
        try:
            await self._redis.bgrewriteaof()
        except ResponseError as error:
            if "in progress" in str(error):
                return False
            log.warning("erased_file_not_rewritten: Redis keeps former clicks in its file", extra={"error": str(error)})
        return True

    async def _drop(self, erasures: list[int]) -> list[int]:
        """Drop the names, but not those that a mutation still reads; gives whose are dropped."""
        if not erasures:
            return []
        commands = await at_work(self._clickhouse, *_CHANGED)
        dropped = [erasure for erasure in erasures if str(erasure) not in commands]
        for erasure in dropped:
            await self._clickhouse.execute(f"ALTER TABLE {NAMES} DROP PARTITION {erasure}")
        return dropped

    async def _record(self, step: Step, erasures: list[int]) -> None:
        if erasures:
            await self._clickhouse.insert_rows(STEPS, [{"erasure": erasure, "step": step} for erasure in erasures])
