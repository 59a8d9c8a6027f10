"""SIGKILL for the processes of a running `taptrail up`, at random moments of a seeded generator."""

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable

import psutil

from tests.support.eventually import eventually
from tests.support.stack import Stack

NAMES = ("edge", "aggregator", "control", "redis", "clickhouse")


class Killer:
    """Kills each process of the stack `kills` times while `taps` taps are done; `killed` counts by name."""

    def __init__(self, stack: Stack, seed: int, kills: int) -> None:
        self._stack = stack
        self._random = random.Random(seed)
        self._left = Counter(dict.fromkeys(NAMES, kills))
        self._gone: set[int] = set()
        self.killed: Counter[str] = Counter()

    async def run(self, taps: int, done: Callable[[], int]) -> None:
        """done: how many taps are done. A moment is a number of taps, so that it falls under load."""
        moments = sorted(self._random.sample(range(taps // 50, taps * 9 // 10), self._left.total()))
        for moment in moments:
            while done() < moment:
                await asyncio.sleep(0.005)
            name, pid = await self._target()
            os.kill(pid, signal.SIGKILL)
            self._gone.add(pid)
            self._left[name] -= 1
            self.killed[name] += 1

    async def _target(self) -> tuple[str, int]:
        """One of those that run and have kills to come; waits until there is one."""
        return self._random.choice(await eventually(self._targets, within_s=90))

    def _targets(self) -> list[tuple[str, int]]:
        pids = json.loads((self._stack.folder / "data" / "running.json").read_text())["pids"]
        running = [(name, pid) for name in NAMES for pid in (pids[name] if name == "edge" else [pids[name]])]
        return [(name, pid) for name, pid in running if self._left[name] and self._is_child(pid)]

    def _is_child(self, pid: int) -> bool:
        """Of this stack, and not yet killed: nobody else's process is ever touched."""
        if pid in self._gone:
            return False
        try:
            return psutil.Process(pid).ppid() == self._stack.process.pid
        except psutil.NoSuchProcess:
            return False
