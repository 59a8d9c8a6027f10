"""A run of the tests leaves no process behind, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.eventually import wait_until

ROOT = Path(__file__).parents[2]
STARTS_ONE = """
import sys, time
from pathlib import Path
from tests.support.processes import Process
print(Process(["-c", "import time; time.sleep(60)"], 1, Path(sys.argv[1]), {}).process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.servers
@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")
def test_a_process_of_tests_that_are_killed_ends_with_them(tmp_path):
    command = [sys.executable, "-c", STARTS_ONE, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as tests:
        child = psutil.Process(int(tests.stdout.readline()))
        os.kill(tests.pid, signal.SIGKILL)

    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
