"""Faults of chosen system calls of a running process, by strace: an error, or SIGKILL in the moment they begin."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

_WAITING = [sys.executable, "-c", "input()"]


class Fault:
    """From now on what a process asks of the kernel by this system call meets this fault, until it is lifted."""

    def __init__(self, pid: int, call: str, effect: str, path: Path | None = None) -> None:
        """effect: as strace -e inject= has it. path: only calls on this file."""
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the fault lasts
        only = ("-P", str(path)) if path else ()
        self._strace = subprocess.Popen(
            ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{effect}", *only,
             "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=self._said,
        )  # fmt: skip
        give_up_at = time.monotonic() + 10
        while "attached" not in (said := self._heard()):
            if self._strace.poll() is not None or time.monotonic() > give_up_at:
                self.lift()
                raise OSError(said.strip())
            time.sleep(0.01)

    def _heard(self) -> str:
        self._said.seek(0)
        return self._said.read()

    def lift(self) -> None:
        """The process goes on as if nothing had been."""
        self._strace.terminate()
        self._strace.wait(10)
        self._said.close()


def killed_at(pid: int, call: str, nth: int) -> Fault:
    """The process dies as soon as one of its threads begins this system call for the nth time, which is not done."""
    return Fault(pid, call, f"signal=KILL:when={nth}")


def needs_strace() -> None:
    """Skips the test, saying why, where no process can be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: kills at chosen system calls are not tested")
    with subprocess.Popen(_WAITING, stdin=subprocess.PIPE) as waiting:
        try:
            killed_at(waiting.pid, "rename", 1).lift()
        except OSError as error:
            pytest.skip(f"ptrace is not allowed here, kills at chosen system calls are not tested: {error}")
        finally:
            waiting.kill()
