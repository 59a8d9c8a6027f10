"""What still works when a store is down: taps at a constant rate through `taptrail up`, one state after another.

python -m tests.chaos.availability --seconds 8 --rate 200
"""

import argparse
import asyncio
import os
import shutil
import signal
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil

from tests.chaos.taps import IPHONE, REQUEST, Connection
from tests.support.eventually import eventually
from tests.support.stack import Stack

LONGEST_S = 10.0
SEEN = 100  # links that are tapped again and again


class Tapped(msgspec.Struct, frozen=True):
    """One tap. seconds: from the moment it was due, so that a stall counts for all who would have tapped in it."""

    due_at: float
    seconds: float
    status: int  # 0: no answer


class State(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    links: str
    taps: list[Tapped]
    recovery_s: float | None = None

    def row(self, calm_p99: float) -> str:
        redirected = sum(one.status == 302 for one in self.taps) / len(self.taps)
        times = sorted(one.seconds for one in self.taps)
        p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
        statuses = sorted({one.status for one in self.taps} - {302})
        others = ", ".join(str(status or "none") for status in statuses) or "-"
        recovery = "-" if self.recovery_s is None else f"{self.recovery_s:.1f} s"
        return (
            f"| {self.name} | {self.links} | {redirected:.2%} | {others} | {p99 / calm_p99:.1f} ({p99 * 1000:.0f} ms) |"
            f" {p50 * 1000:.1f} ms | {recovery} |"
        )


HEAD = (
    "| state | links tapped | redirected | other answers | p99 against all up | p50 | back after |\n"
    "|---|---|---:|---|---:|---:|---:|"
)


class Load:
    """Taps that come when they are due, whether or not those before were answered: no visitor waits for another."""

    def __init__(self, port: int, rate: float) -> None:
        self._port, self._rate = port, rate
        self._idle: list[Connection] = []

    async def run(self, codes: Iterable[str], seconds: float) -> list[Tapped]:
        started = time.monotonic()
        waiting = []
        for number, code in zip(range(int(self._rate * seconds)), codes, strict=False):
            due_at = started + number / self._rate
            await asyncio.sleep(max(due_at - time.monotonic(), 0.0))
            waiting.append(asyncio.create_task(self._tap(code, due_at)))
        return await asyncio.gather(*waiting)

    async def _tap(self, code: str, due_at: float) -> Tapped:
        connection = self._idle.pop() if self._idle else Connection(self._port)
        request = REQUEST.format(code=code, host="go.acme.example", agent=IPHONE).encode()
        try:
            async with asyncio.timeout(LONGEST_S):
                status, _ = await connection.get(request)
        except (OSError, EOFError):
            connection.close()
            return Tapped(due_at, time.monotonic() - due_at, 0)
        self._idle.append(connection)
        return Tapped(due_at, time.monotonic() - due_at, status)


class Availability:
    def __init__(self, stack: Stack, rate: float, seconds: float) -> None:
        self._stack, self._seconds = stack, seconds
        self._load = Load(urlsplit(stack.ready["edge"]).port, rate)
        every_state = 10
        self._fresh = iter(stack.mint(int(rate * seconds) * every_state))
        self._seen = [next(self._fresh) for _ in range(SEEN)]

    async def measure(self) -> list[State]:
        """Each state twice: its first seconds, in which it is found out, and what follows."""
        await self._load.run(self._again(), 2)
        states = [
            State("all up", "seen before", await self._load.run(self._again(), self._seconds)),
            State("all up", "new", await self._load.run(self._fresh, self._seconds)),
        ]
        states += await self._down(("redis",), "Redis silent", self._new)
        states += await self._down(("clickhouse",), "ClickHouse silent", self._new)
        states += await self._down(("redis", "clickhouse"), "both silent", self._again)
        states += await self._down(("redis", "clickhouse"), "both silent", self._new)
        return states

    async def _down(self, names: tuple[str, ...], title: str, codes: Callable[[], Iterable[str]]) -> list[State]:
        """SIGSTOP is the worst way to go: connections stay, and nothing comes back."""
        kind = "new" if codes == self._new else "seen before"
        running = [psutil.Process(self._stack.ready["pids"][name]) for name in names]
        try:
            for process in running:
                os.kill(process.pid, signal.SIGSTOP)
            first = await self._load.run(codes(), self._seconds / 2)
            later = await self._load.run(codes(), self._seconds)
        finally:
            for process in running:
                os.kill(process.pid, signal.SIGCONT)
        return [
            State(f"{title}, its first {self._seconds / 2:.0f} s", kind, first),
            State(f"{title}, afterwards", kind, later, await self._recovered()),
        ]

    async def _recovered(self) -> float:
        """Seconds until the edge, never started again, asks Redis and ClickHouse as before."""
        started = time.monotonic()
        await eventually(lambda: asyncio.to_thread(self._asks_both), within_s=600)
        took_s = time.monotonic() - started
        # Clicks that waited are shipped, so that the next state begins in peace.
        await eventually(lambda: asyncio.to_thread(self._has_shipped_all), within_s=600)
        return took_s

    def _asks_both(self) -> bool:
        return {"taptrail_redis_connected 1.0", "taptrail_origin_answers 1.0"} <= self._metrics()

    def _has_shipped_all(self) -> bool:
        return "taptrail_clicks_waiting 0.0" in self._metrics()

    def _metrics(self) -> set[str]:
        with urllib.request.urlopen(self._stack.ready["ops"]["edge"][0] + "/metrics") as answer:
            return set(answer.read().decode().splitlines())

    def _new(self) -> Iterable[str]:
        return self._fresh

    def _again(self) -> Iterable[str]:
        while True:
            yield from self._seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="taps a second")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a state; its beginning takes half as long again")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="taptrail-availability-"))
    stack = Stack(folder)
    try:
        states = asyncio.run(Availability(stack, given.rate, given.seconds).measure())
    finally:
        stack.stop()
    calm = sorted(one.seconds for one in states[1].taps)
    print(HEAD, *(state.row(calm[int(len(calm) * 0.99)]) for state in states), sep="\n")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
