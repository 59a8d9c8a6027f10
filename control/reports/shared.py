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
    """Values by key, each read once for all who ask for it at the same time, and kept for a while.

    most: values that are kept. weigh: how large one is; all together weigh no more than most_weight, unless it is one.
    """

    def __init__(
        self,
        read: Callable[[K], Awaitable[V]],
        kept_s: float,
        now_s: Callable[[], float],
        most: int,
        *,
        weigh: Callable[[V], int] | None = None,
        most_weight: int = 0,
    ) -> None:
        self._read, self._kept_s, self._now_s, self._most = read, kept_s, now_s, most
        self._weigh, self._most_weight = weigh, most_weight
        self._known: OrderedDict[K, _Reading[V]] = OrderedDict()
        self._weights: dict[K, int] = {}  # of what was read

    async def get(self, key: K, stamp: str = "") -> V:
        """stamp: what is kept under another one is read again, and takes its place."""
        known = self._known.get(key)
        if known is None or known.stamp != stamp or self._is_over(known):
            known = _Reading(stamp, self._now_s(), asyncio.ensure_future(self._read(key)))
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._forget_oldest()
        value = await asyncio.shield(known.task)  # who hangs up takes nothing from the others
        if self._weigh is not None and self._known.get(key) is known:
            self._weights[key] = self._weigh(value)
            while len(self._known) > 1 and sum(self._weights.values()) > self._most_weight:
                self._forget_oldest()
        return value

    def _forget_oldest(self) -> None:
        """The one that was asked for longest ago."""
        key, _ = self._known.popitem(last=False)
        self._weights.pop(key, None)

    def _is_over(self, known: _Reading[V]) -> bool:
        task = known.task
        failed = task.done() and (task.cancelled() or task.exception() is not None)
        return failed or (task.done() and self._now_s() - known.begun_s >= self._kept_s)
