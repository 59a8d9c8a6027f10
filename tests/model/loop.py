"""An event loop without a clock or a selector: the test says when time passes, and what is ready runs in one order."""

import asyncio
import contextvars
import heapq
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any


class Process:
    """What runs together and dies together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.is_stopped = False  # as by SIGSTOP

    @property
    def runs(self) -> bool:
        return not (self.is_dead or self.is_stopped)


NOBODY = Process("nobody")
_process: contextvars.ContextVar[Process] = contextvars.ContextVar("process", default=NOBODY)


class _Handle:
    """A callback of a process; runs when its time has come and its process runs."""

    __slots__ = ("_args", "_callback", "_context", "is_cancelled", "process", "when")

    def __init__(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: contextvars.Context | None, when: float
    ) -> None:
        self._callback, self._args = callback, args
        self._context = context if context is not None else contextvars.copy_context()
        self.process = self._context.get(_process, NOBODY)
        self.is_cancelled = False
        self.when = when

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def run(self) -> None:
        self._context.run(self._callback, *self._args)


class ManualLoop(asyncio.AbstractEventLoop):
    """Runs tasks of processes; `now` moves only by advance()."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._ready: deque[_Handle] = deque()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._numbers = count()
        self._errors: list[BaseException] = []
        self._tasks: list[asyncio.Task[Any]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """asyncio's functions find this loop."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(before)

    def start(
        self,
        process: Process,
        coroutine: Coroutine[Any, Any, Any],
        ended: Callable[[Process], None] = lambda process: None,
    ) -> None:
        """A task of a process. `ended` hears of its end; an error at its end is raised by run_ready()."""

        def note_end(task: "asyncio.Task[Any]") -> None:
            if (error := task.exception()) is not None:
                self._errors.append(error)
            ended(process)

        context = contextvars.copy_context()
        context.run(_process.set, process)
        self.create_task(coroutine, context=context).add_done_callback(note_end, context=context)

    def run_ready(self) -> None:
        """Run all that can run without time passing."""
        ready, held = self._ready, []
        while ready:
            handle = ready.popleft()
            if handle.is_cancelled or handle.process.is_dead:
                continue
            if handle.process.is_stopped:
                held.append(handle)
                continue
            handle.run()
        ready.extend(held)
        if self._errors:
            raise self._errors.pop()

    def advance_to_next_timer(self) -> None:
        """Let time pass until something that runs wakes."""
        self._drop_dead()
        whens = [when for when, _, handle in self._timers if handle.process.runs and not handle.is_cancelled]
        if whens:
            self.advance(max(min(whens) - self.now, 0.0))

    def advance(self, seconds: float) -> None:
        """Let time pass; all whose time has come gets ready, in its order."""
        self.now += seconds
        while self._timers and self._timers[0][0] <= self.now:
            self._ready.append(heapq.heappop(self._timers)[2])

    def close(self) -> None:
        """End all tasks where they are. Not left to the garbage collector, which may crash in the midst of another."""
        for task in self._tasks:
            if not task.done():
                with suppress(RuntimeError):  # it awaits something in its end
                    task.get_coro().close()

    def _drop_dead(self) -> None:
        while self._timers and (self._timers[0][2].is_cancelled or self._timers[0][2].process.is_dead):
            heapq.heappop(self._timers)

    # What asyncio asks of a loop.

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def time(self) -> float:
        return self.now

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coroutine: Any, **options: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=self, **options)
        self._tasks.append(task)
        return task

    def call_soon(self, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        handle = _Handle(callback, args, context, self.now)
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None) -> Any:
        handle = _Handle(callback, args, context, when)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> Any:
        """At once: no thread of its own, no other order."""
        future = self.create_future()
        future.set_result(function(*args))
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A task that dies with its process is collected while it waits: that is what it is to be killed."""


class LoopClock:
    """The clock of everything that runs in such a loop."""

    def __init__(self, loop: ManualLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.now

    def unix_s(self) -> float:
        return self._loop.now

    def unix_ms(self) -> int:
        return round(self._loop.now * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def rest(self, seconds: float, until: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            return
