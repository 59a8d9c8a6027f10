"""Children are kept running, and end in order."""

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from stack.supervisor import Child, Kept, StartFailed
from tests.support.eventually import wait_until

pytestmark = pytest.mark.servers

LIVES = "import time; open({mark!r}, 'a').write('x'); time.sleep(60)"
DIES = "import sys; sys.exit(3)"
IGNORES_SIGTERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({mark!r}, 'w').write('x'); time.sleep(60)"
)
SUPERVISES = """
import asyncio, os, sys
from stack.supervisor import Child, Kept

async def main():
    async def ready():
        return os.path.exists({mark!r})
    kept = Kept(Child("sleeper", [sys.executable, "-c", {script!r}], os.environ, ready), print)
    await kept.start(20)
    print(kept.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def child(script: str, mark, *, grace_s: float = 5.0) -> Child:
    """A child that is ready when its mark exists."""

    async def is_ready() -> bool:
        return mark.exists() and mark.stat().st_size > 0

    return Child("sleeper", [sys.executable, "-c", script.format(mark=str(mark))], os.environ, is_ready, grace_s)


async def test_a_child_that_dies_is_started_again(tmp_path):
    restarted = asyncio.Queue()
    kept = Kept(child(LIVES, tmp_path / "mark"), restarted.put_nowait)
    await kept.start(20)
    first = kept.pid

    for _ in range(2):
        os.kill(kept.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            assert await restarted.get() is kept

    assert kept.pid != first
    assert psutil.pid_exists(kept.pid)
    assert not psutil.pid_exists(first)
    await kept.stop()


async def test_a_child_that_dies_at_its_start_is_named(tmp_path):
    kept = Kept(child(DIES, tmp_path / "mark"), print)
    with pytest.raises(StartFailed, match="sleeper ended with status 3"):
        await kept.start(20)


async def test_a_child_that_never_gets_ready_is_named(tmp_path):
    (tmp_path / "mark").mkdir()
    kept = Kept(child("import time; time.sleep(60)", tmp_path / "other"), print)
    with pytest.raises(StartFailed, match="sleeper was not ready within 0 s"):
        await kept.start(0.2)
    await kept.stop()


async def test_a_child_that_is_stopped_stays_stopped(tmp_path):
    restarted = asyncio.Queue()
    kept = Kept(child(LIVES, tmp_path / "mark"), restarted.put_nowait)
    await kept.start(20)
    pid = kept.pid

    await kept.stop()

    assert asyncio.all_tasks() == {asyncio.current_task()}, "nothing is left that could start it again"
    assert not psutil.pid_exists(pid)
    assert restarted.empty()
    assert kept.pid == pid


async def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(tmp_path):
    kept = Kept(child(IGNORES_SIGTERM, tmp_path / "mark", grace_s=0.3), print)
    await kept.start(20)

    async with asyncio.timeout(5):
        await kept.stop()

    assert not psutil.pid_exists(kept.pid)


async def test_ctrl_c_on_the_terminal_does_not_reach_a_child(tmp_path):
    kept = Kept(child(LIVES, tmp_path / "mark"), print)
    await kept.start(20)
    assert os.getsid(kept.pid) != os.getsid(0)
    await kept.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_no_child_outlives_a_supervisor_that_was_killed(tmp_path):
    mark = str(tmp_path / "mark")
    script = SUPERVISES.format(mark=mark, script=LIVES.format(mark=mark))
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(supervisor.stdout.readline())
    assert psutil.pid_exists(pid)

    supervisor.kill()
    supervisor.wait()

    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
