"""Reports that many people look at: read once for all of them, and again when something has changed."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from control.catalogue.broadcasts import Broadcasts
from control.reports import statements
from control.reports.filters import NONE, Filters
from control.reports.report import read_report
from control.reports.shapes import Report
from runtime.clickhouse import ClickHouse

FRESH_S = 2.0  # how old what viewers see may be before ClickHouse is asked again
MAX_KEPT = 64  # reports, and broadcasts, in memory

K = TypeVar("K")
V = TypeVar("V")


class View(msgspec.Struct, frozen=True):
    """What somebody looks at."""

    account: str
    broadcast_id: str
    tz: str | None = None
    filters: Filters = NONE


class Seen(msgspec.Struct, frozen=True):
    """A report, and the state of the tables that it is of."""

    state: str
    report: Report


class Watched:
    def __init__(
        self, clickhouse: ClickHouse, broadcasts: Broadcasts, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._clickhouse, self._broadcasts = clickhouse, broadcasts
        self._states: Shared[tuple[str, str], str] = Shared(self._state, FRESH_S, now_s)
        self._reports: Shared[tuple[View, str], Report] = Shared(self._report, float("inf"), now_s)

    async def see(self, view: View) -> Seen:
        """As it was at most FRESH_S ago. Raises Problem, and what ClickHouse raises."""
        state = await self._states.get((view.account, view.broadcast_id))
        return Seen(state, await self._reports.get((view, state)))

    async def _state(self, broadcast: tuple[str, str]) -> str:
        account, broadcast_id = broadcast
        return (await self._clickhouse.body(statements.STATE, account=account, id=broadcast_id)).decode()

    async def _report(self, asked: tuple[View, str]) -> Report:
        view, _ = asked
        broadcast = await self._broadcasts.get(view.account, view.broadcast_id)
        return await read_report(self._clickhouse, broadcast, view.tz, view.filters)


class Shared(Generic[K, V]):
    """Values by key, each read once for all who ask for it at the same time, and kept for a while."""

    def __init__(self, read: Callable[[K], Awaitable[V]], kept_s: float, now_s: Callable[[], float]) -> None:
        self._read, self._kept_s, self._now_s = read, kept_s, now_s
        self._known: OrderedDict[K, tuple[float, asyncio.Task[V]]] = OrderedDict()

    async def get(self, key: K) -> V:
        begun_s, task = self._known.get(key, (0.0, None))
        if task is None or (task.done() and (task.cancelled() or task.exception() or self._is_old(begun_s))):
            task = asyncio.ensure_future(self._read(key))
            self._known[key] = self._now_s(), task
        self._known.move_to_end(key)
        while len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)
        return await asyncio.shield(task)  # who hangs up takes nothing from the others

    def _is_old(self, begun_s: float) -> bool:
        return self._now_s() - begun_s >= self._kept_s
