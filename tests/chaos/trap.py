"""SIGKILL in the very moment in which a process begins a chosen system call, by strace."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

_WAITING = [sys.executable, "-c", "input()"]


class Trap:
    """The process dies as soon as one of its threads begins this system call for the nth time, which is not done."""

    def __init__(self, pid: int, call: str, nth: int) -> None:
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the trap is set
        self._strace = subprocess.Popen(
            ["strace", "-f", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}",
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


def needs_strace() -> None:
    """Skips the test, saying why, where no process can be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: kills at chosen system calls are not tested")
    with subprocess.Popen(_WAITING, stdin=subprocess.PIPE) as waiting:
        try:
            Trap(waiting.pid, "rename", 1).lift()
        except OSError as error:
            pytest.skip(f"ptrace is not allowed here, kills at chosen system calls are not tested: {error}")
        finally:
            waiting.kill()
