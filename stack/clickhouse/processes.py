"""The statements under way, from the moment their headers were read, and KILL QUERY over them."""

import asyncio
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson

from stack.clickhouse.engine import Engine, Session, quoted
from stack.clickhouse.errors import QUERY_WAS_CANCELLED, SAME_QUERY_ID, ClickHouseError
from stack.clickhouse.statement import Kill

_GRACE_S = 0.05  # lets what waits in the sockets be read first


class Process:
    """One statement. It is cancelled at any time before it enters the engine, and never between."""

    def __init__(self, mark: str, query_id: str, user: str) -> None:
        self.mark, self.query_id, self.user = mark, query_id, user
        self.query = ""
        self.only_reads = False
        self.handed_over = False  # to a thread that ends it; until then its handler does
        self.stops_in_engine = True  # an INSERT of rows does not: it is waited for
        self.cancelled = asyncio.Event()
        self.done = asyncio.Event()
        self._entry = threading.Lock()
        self._is_inside = False

    def enter_engine(self) -> None:
        """Called by the thread that is about to call the engine; raises ClickHouseError when it was cancelled."""
        with self._entry:
            self.check()
            self._is_inside = True

    def check(self) -> None:
        if self.cancelled.is_set():
            raise ClickHouseError(QUERY_WAS_CANCELLED, "Query was cancelled", "QUERY_WAS_CANCELLED")

    def cancel(self) -> bool:
        """Cancel it unless the engine has it already; says whether the engine has it."""
        with self._entry:
            if not self._is_inside:
                self.cancelled.set()
            return self._is_inside


class Processes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[tuple[str, str], Process] = {}  # by user and query id
        self._marks = itertools.count(1)

    @contextmanager
    def begun(self, query_id: str, user: str) -> Iterator[Process]:
        """Note a statement until it is over; two of one id cannot run at a time for one user.

        A server knows an id once for all users: an analyst could then keep the product's next ids to herself.
        """
        if (user, query_id) in self._running:
            raise ClickHouseError(SAME_QUERY_ID, f"Query with id = {query_id} is already running.")
        process = Process(f"taptrail-{next(self._marks)}", query_id, user)
        self._running[user, query_id] = process
        try:
            yield process
        finally:
            if not process.handed_over:
                self.end(process)

    def end(self, process: Process) -> None:
        del self._running[process.user, process.query_id]
        process.done.set()

    async def stop(self, process: Process) -> None:
        """Nobody wants its answer any more."""
        if process.cancel():
            await asyncio.to_thread(self._engine.kill, [process.mark])

    def listing(self, user: str | None = None) -> str:
        """A SELECT of the statements under way, or of one user's, with what the engine knows of each."""
        rows = [
            (process.mark, process.query_id, process.user, process.query)
            for process in self._running.values()
            if user in (None, process.user)
        ]
        own = values("mark String, query_id String, user String, query String", rows)
        return (
            "SELECT own.query_id AS query_id, own.query_id AS initial_query_id, own.user AS user, own.query AS query,"  # noqa: S608
            f" engine.* EXCEPT (query_id, initial_query_id, user, query) FROM ({own}) AS own"
            " LEFT JOIN system.processes AS engine ON engine.Settings['log_comment'] = own.mark"
        )

    async def kill(self, kill: Kill, parameters: Mapping[str, str], by: Process) -> str:
        """Carry out KILL QUERY; gives the SELECT that says what became of each.

        After SYNC, nothing that matched can still take effect: it was cancelled before the engine had it, or the
        engine is done with it. A statement whose bytes had arrived when the KILL did is seen by it.
        """
        await asyncio.sleep(_GRACE_S)
        matched = await self._matching(kill.condition, parameters, by)
        if kill.mode != "TEST":
            await self._cancel(matched)
        if kill.mode == "SYNC":
            for process in matched:
                await process.done.wait()
        status = "finished" if kill.mode == "SYNC" else "waiting"
        rows = [(status, process.query_id, process.user, process.query) for process in matched]
        return values("kill_status String, query_id String, user String, query String", rows)

    async def _matching(self, condition: str, parameters: Mapping[str, str], by: Process) -> list[Process]:
        """The engine judges the condition."""
        others = [process for process in self._running.values() if process is not by]
        rows = [(process.mark, process.query_id, process.user, process.query) for process in others]
        sql = values("mark String, query_id String, user String, query String", rows).replace("*", "mark", 1)
        answer, _ = await asyncio.to_thread(
            self._engine.run, Session("", parameters=parameters), f"{sql} AND ({condition}\n)", "JSONCompactEachRow"
        )
        marks = {orjson.loads(line)[0] for line in answer.splitlines()}
        return [process for process in others if process.mark in marks]

    async def _cancel(self, matched: list[Process]) -> None:
        inside = [process for process in matched if process.cancel() and process.stops_in_engine]
        if inside:
            await asyncio.to_thread(self._engine.kill, [process.mark for process in inside])

    async def drain(self, at_most_s: float) -> None:
        """Wait until nothing is under way, but not for ever; what only reads is stopped."""
        running = list(self._running.values())
        for process in running:
            if process.only_reads:
                await self.stop(process)
        if running:
            await asyncio.wait([asyncio.ensure_future(process.done.wait()) for process in running], timeout=at_most_s)


def values(columns: str, rows: Sequence[tuple[str, ...]]) -> str:
    """A SELECT of literal rows, also of none; ends in a WHERE clause."""
    width = columns.count(",") + 1
    listed = ", ".join("(" + ", ".join(quoted(text) for text in row) + ")" for row in rows or [("",) * width])
    return f"SELECT * FROM values({quoted(columns)}, {listed}) WHERE {1 if rows else 0}"  # noqa: S608
