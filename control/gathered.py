"""What many calls ask of a store at the same moment, asked for all of them together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST = 250  # of one batch


class Gathered(Generic[T, R]):
    """work: does it for several at once and gives the results in their order; what it raises, each of them gets.

    While one batch is under way the next one gathers, so a lone call waits for nobody, and a store that is slow gets
    larger batches. A call never joins a batch that has begun: it sees whatever was written before it was made.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R]]], most: int = MOST) -> None:
        self._work, self._most = work, most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, one: T) -> R:
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, result))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await result

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            wanted = [(one, result) for one, result in batch if not result.done()]  # done: its caller has given up
            try:
                results = await self._work([one for one, _ in wanted])
            except Exception as error:
                for _, result in wanted:
                    if not result.done():
                        result.set_exception(error)
                continue
            for (_, result), value in zip(wanted, results, strict=True):
                if not result.done():
                    result.set_result(value)
