"""Kill ClickHouse and the edge at one system call after the other, and count each time: nothing lost or doubled.

python -m tests.chaos.kill_points --seconds 1200: every point of every call in question, until the process gets through
its taps alive, or until the time is up; the table is kept in .taptrail/chaos/kill-points.md.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tests.chaos.checks import Rows
from tests.chaos.syscalls import Traced, cannot_trace, killed_at
from tests.chaos.system import CODES, HeldEdge, System
from tests.chaos.taps import Connection
from tests.support.edge import HOST
from tests.support.eventually import eventually, wait_until

# What ClickHouse does to make a part, and to say so; what an edge does to its spool. In the order of a first INSERT
# and of an edge's life. write and sendto are many: the first ones, and then every few.
FIRST_AND_SOME = (*range(1, 13), *range(15, 60, 5), *range(60, 400, 20))
CLICKHOUSE_CALLS = {
    "mkdir": range(1, 100), "write": FIRST_AND_SOME, "fdatasync": range(1, 100), "rename": range(1, 100),
    "sendto": FIRST_AND_SOME,
}  # fmt: skip
EDGE_CALLS = {
    "mkdir": range(1, 100), "flock": range(1, 100), "rename": range(1, 100), "write": FIRST_AND_SOME,
    "unlink": range(1, 100), "unlinkat": range(1, 100), "rmdir": range(1, 100),
}  # fmt: skip


class Tapped(msgspec.Struct):
    """How many taps were sent, and how many of them answered 302."""

    sent: int = 0
    answered: int = 0


async def tap_while(port: int, alive: Callable[[], bool]) -> Tapped:
    """Every link once, or until the edge is gone."""
    tapped, codes = Tapped(), iter(CODES)

    async def tap_on() -> None:
        connection = Connection(port)
        for code in codes:
            if not alive():
                break
            tapped.sent += 1
            try:
                status, _ = await connection.get(f"GET /{code} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            except (OSError, EOFError):
                break
            assert status == 302
            tapped.answered += 1
            await asyncio.sleep(0.02)
        connection.close()

    await asyncio.gather(*(tap_on() for _ in range(3)))
    return tapped


class ClickHousePoints:
    """One system under taps whose ClickHouse is killed again and again; `clicks` are the rows it must have."""

    def __init__(self, folder: Path) -> None:
        self._system = System(folder)
        self._edge = self._system.edge()
        self._clicks = 0

    def kill_at(self, call: str, nth: int) -> bool:
        """Taps arrive, ClickHouse dies at its nth `call` and comes back; False when it got through alive."""
        system = self._system
        trap = killed_at(system.clickhouse.pid, call, nth)
        try:
            tapped = asyncio.run(tap_while(self._edge.port, lambda: True))
            assert tapped.answered == tapped.sent == len(CODES)
            wait_until(lambda: system.clickhouse.poll() is not None or self._settled(), within_s=60)
        finally:
            trap.lift()
        died = system.clickhouse.poll() is not None
        if died:
            system.start_clickhouse()
        self._clicks += tapped.answered
        assert asyncio.run(system.at_rest(self._clicks)) == Rows(self._clicks, self._clicks, self._clicks, 0)
        return died

    def calls(self, names: str, into: Path) -> list[str]:
        """The system calls of these names that ClickHouse makes while taps arrive."""
        trace = Traced(self._system.clickhouse.pid, "-e", f"trace={names}", into=into)
        try:
            self._clicks += asyncio.run(tap_while(self._edge.port, lambda: True)).answered
            wait_until(self._settled, within_s=60)
        finally:
            trace.lift()
        return into.read_text().splitlines()

    def _settled(self) -> bool:
        """As the edge knows it: asking ClickHouse would be a system call more."""
        return self._edge.metric("taptrail_clicks_unsettled") == 0

    def close(self) -> None:
        self._edge.kill()
        self._system.stop()


class EdgePoints:
    """One system whose edges are killed, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._system = System(folder)
        self._clicks = 0

    def kill_at(self, call: str, nth: int) -> bool:
        """An edge starts, is tapped and stops, and dies at its nth `call`; the next one takes over what it left.

        False when it got through alive.
        """
        edge = self._system.held_edge()
        trap = killed_at(edge.process.pid, call, nth)
        try:
            edge.let_go()
            tapped = asyncio.run(self._whole_life(edge))
            died = edge.process.wait(60) != 0
        finally:
            trap.lift()
            edge.kill()
        self._take_over(tapped)
        return died

    async def _whole_life(self, edge: HeldEdge) -> Tapped:
        def alive() -> bool:
            return edge.process.poll() is None

        await eventually(lambda: not alive() or edge.ready(), within_s=60)
        tapped = await tap_while(edge.port, alive)
        if alive():
            edge.process.terminate()
        return tapped

    def _take_over(self, tapped: Tapped) -> None:
        successor = self._system.edge()
        spool = self._system.folder / "spool"
        try:
            more = asyncio.run(tap_while(successor.port, lambda: True))
            wait_until(lambda: len(list(spool.iterdir())), equals=1, within_s=60)  # its own lane: the other one is over
            assert successor.stop() == 0
        finally:
            successor.kill()
        assert list(spool.iterdir()) == []
        at_least = self._clicks + tapped.answered + more.answered
        rows = asyncio.run(self._system.at_rest(at_least))
        assert at_least <= rows.rows <= at_least + tapped.sent - tapped.answered
        assert rows == Rows(rows.rows, rows.rows, rows.rows, 0)
        self._clicks = rows.rows

    def close(self) -> None:
        self._system.stop()


HEAD = "| process | killed at its system calls | kills, each without a click lost or doubled |\n|---|---|---:|"


def sweep(points: ClickHousePoints | EdgePoints, calls: dict[str, Iterable[int]], end_at: float) -> Iterator[str]:
    """Kills at every point; a line of the table for each call. AssertionError where a count is wrong.

    end_at: by time.monotonic; every call has an equal part of what is left, and its line says when that was too little.
    """
    for done, (call, places) in enumerate(calls.items()):
        call_ends_at = time.monotonic() + (end_at - time.monotonic()) / (len(calls) - done)
        kills, cut = 0, ""
        for nth in places:
            if time.monotonic() > call_ends_at:
                cut = f", THEN THE TIME WAS UP before the one at call {nth}"
                break
            if not points.kill_at(call, nth):
                break
            kills += 1
        yield f"| {type(points).__name__.removesuffix('Points')} | {call} | {kills}{cut} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1200.0, help="in all; half of them for each process")
    parser.add_argument("--out", type=Path, default=Path(".taptrail/chaos/kill-points.md"), help="where the table goes")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w") as out:
        for line in _table(given.seconds):
            print(line, flush=True)
            print(line, file=out, flush=True)
    return 0


def _table(seconds: float) -> Iterator[str]:
    if why := cannot_trace():
        yield f"SKIPPED, NOTHING WAS KILLED AT ITS SYSTEM CALLS: {why}"
        return
    yield HEAD
    for kind, calls in ((ClickHousePoints, CLICKHOUSE_CALLS), (EdgePoints, EDGE_CALLS)):
        with tempfile.TemporaryDirectory(prefix="taptrail-kills-") as folder:
            points = kind(Path(folder))
            try:
                yield from sweep(points, calls, time.monotonic() + seconds / 2)
            finally:
                points.close()


if __name__ == "__main__":
    sys.exit(main())
