"""Values that many ask for, each read once for all of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Reading(NamedTuple, Generic[V]):
    stamp: str
    begun_s: float
    task: asyncio.Task[V]


class Shared(Generic[K, V]):
    """Values by key, each read once for all who ask for it at the same time, and kept for a while."""

    def __init__(self, read: Callable[[K], Awaitable[V]], kept_s: float, now_s: Callable[[], float], most: int) -> None:
        self._read, self._kept_s, self._now_s, self._most = read, kept_s, now_s, most
        self._known: OrderedDict[K, _Reading[V]] = OrderedDict()

    async def get(self, key: K, stamp: str = "") -> V:
        """stamp: what is kept under another one is read again, and takes its place."""
        known = self._known.get(key)
        if known is None or known.stamp != stamp or self._is_over(known):
            known = _Reading(stamp, self._now_s(), asyncio.ensure_future(self._read(key)))
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return await asyncio.shield(known.task)  # who hangs up takes nothing from the others

    def _is_over(self, known: _Reading[V]) -> bool:
        task = known.task
        failed = task.done() and (task.cancelled() or task.exception() is not None)
        return failed or (task.done() and self._now_s() - known.begun_s >= self._kept_s)
