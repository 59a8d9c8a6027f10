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


class Traced:
    """strace on a process and all its threads, from now on until it is lifted."""

    def __init__(self, pid: int, *options: str, into: Path = Path(os.devnull)) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as strace runs
        command = ["strace", "-f", "-y", "-o", str(into), *options, "-p", str(pid)]
        self._strace = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self._said)
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


def killed_at(pid: int, call: str, nth: int) -> Traced:
    """The process dies as soon as one of its threads begins this system call for the nth time, which is not done."""
    return Traced(pid, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}")


def failing(pid: int, call: str, error: str, file: Path) -> Traced:
    """Every such call on this file fails."""
    return Traced(pid, "-e", f"trace={call}", "-e", f"inject={call}:error={error}", "-P", str(file))


def needs_strace() -> None:
    """Skips the test, saying why, where no process can be traced."""
    if why := cannot_trace():
        pytest.skip(why)


def cannot_trace() -> str:
    """Why no process can be traced here; '' where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed: kills at chosen system calls are not tested"
    with subprocess.Popen(_WAITING, stdin=subprocess.PIPE) as waiting:
        try:
            killed_at(waiting.pid, "rename", 1).lift()
        except OSError as error:
            return f"ptrace is not allowed here, kills at chosen system calls are not tested: {error}"
        finally:
            waiting.kill()
    return ""
