"""Keeps child processes running, and ends them in order."""

import asyncio
import ctypes
import functools
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

log = logging.getLogger(__name__)

_POLL_S = 0.05
_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_LIVED_WELL_S = 30.0  # after that long, the next restart is an immediate one again
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class Child(msgspec.Struct, frozen=True):
    """What to run. is_ready is asked until it says so; grace_s is the longest wait between SIGTERM and SIGKILL."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    is_ready: Callable[[], Awaitable[bool]]
    grace_s: float = 15.0
    descriptors: Sequence[int] = ()  # stay open in it, under the same numbers


class StartFailed(Exception):
    """One line: which child, and how it ended."""


class Kept:
    """One child that is started again whenever it ends, until it is stopped."""

    def __init__(self, child: Child, restarted: Callable[["Kept"], None]) -> None:
        self.child = child
        self._restarted = restarted
        self._process: subprocess.Popen[bytes] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.is_running = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self, within_s: float) -> None:
        """Start it and wait until it is ready; raises StartFailed."""
        self._process = _spawned(self.child)
        give_up_at = time.monotonic() + within_s
        while not await self.child.is_ready():
            if (code := self._process.poll()) is not None:
                raise StartFailed(f"{self.child.name} {_ending(code)} while it was starting")
            if time.monotonic() > give_up_at:
                raise StartFailed(f"{self.child.name} was not ready within {within_s:.0f} s")
            await asyncio.sleep(_POLL_S)
        self.is_running = True
        self._keeping = asyncio.create_task(self._keep(self._process))

    async def stop(self) -> None:
        """SIGTERM, time to finish, SIGKILL."""
        await self._let_go()
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(self.child.grace_s):
                await _ended(self._process)
        except TimeoutError:
            log.warning("child_killed: did not stop in time", extra={"child": self.child.name})
            self.kill()
            await _ended(self._process)

    def kill(self) -> None:
        """End it immediately, for good."""
        self.is_running = False
        if self._keeping is not None:
            self._keeping.cancel()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    async def _let_go(self) -> None:
        self.is_running = False
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})

    async def _keep(self, process: "subprocess.Popen[bytes]") -> None:
        tries, began_at = 0, time.monotonic()
        while True:
            code = await _ended(process)
            self.is_running = False
            tries = 0 if time.monotonic() - began_at > _LIVED_WELL_S else tries
            wait_s = _BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]
            log.warning(
                "child_restarting: a process ended",
                extra={"child": self.child.name, "how": _ending(code), "in_s": wait_s},
            )
            await asyncio.sleep(wait_s)
            tries, began_at = tries + 1, time.monotonic()
            process = self._process = _spawned(self.child)
            await self._until_ready(process)

    async def _until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        while process.poll() is None:
            if await self.child.is_ready():
                self.is_running = True
                self._restarted(self)
                return
            await asyncio.sleep(_POLL_S)


def _spawned(child: Child) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C on a terminal reaches the supervisor alone, which then stops all in order.
    # What a child writes to stdout goes to stderr: stdout belongs to the supervisor's own lines.
    return subprocess.Popen(
        child.command, env=dict(child.environ), stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(),
        pass_fds=child.descriptors, start_new_session=True,
        preexec_fn=functools.partial(_die_with, os.getpid()) if _LIBC else None,  # noqa: PLW1509
    )  # fmt: skip


def _die_with(supervisor: int) -> None:
    """In the child: no child outlives its supervisor, not even one that was killed (prctl(2))."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)


async def _ended(process: "subprocess.Popen[bytes]") -> int:
    # Asked again and again: asyncio's own way starts a thread for each child, and a fork beside threads is a risk.
    while process.poll() is None:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
    return int(process.returncode)


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
