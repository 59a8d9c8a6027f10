import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from loadtest.cpu_time import cpu_s
from loadtest.peers import Contestant
from tests.support.eventually import wait_until

BURNT_S = 0.3
BURN = f"import time\nwhile time.process_time() < {BURNT_S}: pass\n"
WORKER = f"[sys.executable, '-c', {BURN + 'time.sleep(60)'!r}]"
MASTER = f"import subprocess, sys; subprocess.Popen({WORKER}).wait()"
MASTER_OF_ENDED = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {BURN!r}]); time.sleep(60)"

pytestmark = pytest.mark.servers


class Forking(Contestant):
    """A server whose work is done by a child, as nginx's is."""

    def serve(self) -> None:
        self._spawn([sys.executable, "-c", MASTER])

    def stop(self) -> None:
        workers = [child for process in self.processes for child in psutil.Process(process.pid).children()]
        super().stop()
        for worker in workers:
            worker.kill()


@pytest.fixture
def contestant(tmp_path: Path) -> Iterator[Contestant]:
    contestant = Forking(tmp_path, links=0)
    contestant.serve()
    yield contestant
    contestant.stop()


def test_the_cpu_time_of_a_contestant_has_that_of_its_workers(contestant: Contestant) -> None:
    wait_until(lambda: contestant.cpu_s() >= BURNT_S)


def test_the_cpu_time_of_a_worker_that_has_ended_still_counts() -> None:
    with subprocess.Popen([sys.executable, "-c", MASTER_OF_ENDED]) as master:
        try:
            wait_until(lambda: cpu_s(master.pid) >= BURNT_S and not psutil.Process(master.pid).children())
        finally:
            master.kill()
