"""Processes of the tests' own: started, waited for, asked, and ended."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from stack.valkey import valkey_command
from tests.support.eventually import wait_until

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def ends_with_us() -> Callable[[], None] | None:
    """For preexec_fn: the child is killed when these tests end, also when they are killed (prctl(2)); Linux alone.

    A child that a thread started ends with that thread: those of asyncio.to_thread live as long as the test's loop.
    """
    if _LIBC is None:
        return None
    return partial(_end_with, os.getpid())


def _end_with(tests: int) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != tests:
        os._exit(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str], port: int, log: Path, environ: dict[str, str] | None = None) -> Iterator[int]:
    """A server process that accepts connections on its port; gives its pid."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env={**os.environ, **(environ or {})},
            preexec_fn=ends_with_us(),  # noqa: PLW1509
        )
    try:
        wait_until(lambda: accepts(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield process.pid
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_valkey(folder: Path) -> Iterator[str]:
    """Gives its URL."""
    port = free_port()
    with running(valkey_command(folder, port), port, folder / "log"):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def silent(pid: int) -> Iterator[None]:
    """A server that accepts connections and answers nobody."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Process:
    """One of our processes, `python -m name`; `stop` as an operator would, `kill` as nobody should."""

    def __init__(self, command: list[str], ops_port: int, log: Path, environ: dict[str, str]) -> None:
        self.ops_port, self.log = ops_port, log
        environ = {**os.environ, "TAPTRAIL_OPS_PORT": str(ops_port), **environ}
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                env=environ,
                stdout=out,
                stderr=out,
                preexec_fn=ends_with_us(),  # noqa: PLW1509
            )

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/readyz") as answer:
                return answer.status == 200
        except OSError:
            return False

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ops_port}/metrics") as answer:
            return answer.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all label sets, or over those that have these labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        samples = [line for line in self.metrics().splitlines() if line.partition("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in samples if all(one in line for one in wanted))

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class OwnValkey:
    """A Valkey of the test's own, to be killed and started again."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port, self.url = data, port, f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        self.process = subprocess.Popen(
            valkey_command(self.data, self.port),
            stdout=subprocess.DEVNULL,
            preexec_fn=ends_with_us(),  # noqa: PLW1509
        )
        wait_until(lambda: accepts(self.port))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
