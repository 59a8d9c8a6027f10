"""Look-ups in ClickHouse of what Redis does not know, many keys in one query."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from edge.lookup_stats import LookupStats
from runtime.breaker import Breaker
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")
Outcome = tuple[bool, Any]

MAX_KEYS = 1000  # of one query
MAX_WAITING = 20_000  # keys; beyond it a look-up fails immediately
LIMITED_KEYS = 100
LIMITED_WAITING = 400
LIMITED_PAUSE_S = 0.05  # before each query for limited prefixes: they ask together


class ResolveFailed(Exception):
    """Nothing reachable could say what the key stands for."""


class TooManyLimited(ResolveFailed):
    """Limited prefixes wait for as many names as may be; the key was not looked up."""


class BatchLoader(Generic[K, V]):
    """Look-ups of one event-loop tick in one query; the same key is asked for once, two queries run at a time."""

    max_keys, max_waiting, pause_s = MAX_KEYS, MAX_WAITING, 0.0
    too_many: type[ResolveFailed] = ResolveFailed

    def __init__(
        self,
        query: Callable[[list[K]], Awaitable[dict[K, V]]],
        breaker: Breaker,
        stats: LookupStats,
        slots: asyncio.Semaphore | None = None,
    ) -> None:
        self._query, self._breaker, self._stats = query, breaker, stats
        self.asked = 0  # keys
        self._wanted: dict[K, asyncio.Future[Outcome]] = {}
        self._asking: dict[K, asyncio.Future[Outcome]] = {}
        self._slots = slots or asyncio.Semaphore(2)
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """None where ClickHouse has no such record. Raises ResolveFailed."""
        future = self._asking.get(key) or self._wanted.get(key)
        if future is None:
            future = self._enqueue(key)
        answered, value = await asyncio.shield(future)
        if not answered:
            raise ResolveFailed
        return value  # type: ignore[no-any-return]

    def _enqueue(self, key: K) -> "asyncio.Future[Outcome]":
        loop = asyncio.get_running_loop()
        if self._breaker.is_open:
            raise ResolveFailed
        if len(self._wanted) + len(self._asking) >= self.max_waiting:
            raise self.too_many
        if not self._wanted:
            loop.call_soon(self._start)
        future = self._wanted[key] = loop.create_future()
        return future

    def _start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self) -> None:
        while self._wanted:
            async with self._slots:
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
                if self._wanted:  # another slot may have asked for the last of them
                    await self._ask_once()

    async def _ask_once(self) -> None:
        keys = list(self._wanted)[: self.max_keys]
        asked = {key: self._wanted.pop(key) for key in keys}
        self._asking.update(asked)
        found = await self._found(keys)
        for key, future in asked.items():
            self._asking.pop(key)
            future.set_result((found is not None, found.get(key) if found is not None else None))

    async def _found(self, keys: list[K]) -> dict[K, V] | None:
        """None when ClickHouse did not say, or is not asked at present."""
        if self._breaker.is_open:
            return None
        started = time.perf_counter()
        self.asked += len(keys)
        self._stats.query_keys.observe(len(keys))
        try:
            return await self._query(keys)
        except (ClickHouseUnreachable, ClickHouseRefused) as error:
            self._breaker.trip(str(error))
        except Exception as error:
            # Waiting visits must get an answer: a future that is never set would hold every later visit of its key.
            log.exception("clickhouse_answer_unreadable: cannot read an answer of ClickHouse")
            self._breaker.trip(str(error))
        finally:
            self._stats.query_seconds.observe(time.perf_counter() - started)
        return None


class LimitedBatchLoader(BatchLoader[K, V]):
    """Look-ups for address prefixes that asked for too many unknown names: few in a query, few that wait.

    All of them share one slot, so that ClickHouse answers at most one such query at a time, whatever strangers ask for.
    """

    max_keys, max_waiting, pause_s = LIMITED_KEYS, LIMITED_WAITING, LIMITED_PAUSE_S
    too_many = TooManyLimited

    def __init__(
        self,
        query: Callable[[list[K]], Awaitable[dict[K, V]]],
        breaker: Breaker,
        stats: LookupStats,
        slot: asyncio.Semaphore,
    ) -> None:
        super().__init__(query, breaker, stats, slot)
