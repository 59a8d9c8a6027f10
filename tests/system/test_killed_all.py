"""Everything dies at once, as when the machine does, and is started again on the same data."""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import psutil
import pytest

from runtime.clickhouse import ClickHouse
from tests.chaos.chaos import arrived
from tests.chaos.checks import check_nothing_is_amiss
from tests.chaos.taps import Taps
from tests.support.stack import Stack

TAPS = 1_000


async def tap_all(stack, broadcast):
    codes = await asyncio.to_thread(stack.mint, TAPS, broadcast=broadcast)
    tally = await Taps(urlsplit(stack.ready["edge"]).port, codes, 1_000).run()
    assert len(tally.answered) == TAPS


def kill_everything(stack):
    processes = [psutil.Process(stack.process.pid), *psutil.Process(stack.process.pid).children(recursive=True)]
    assert len(processes) >= 6
    for one in processes:
        os.kill(one.pid, signal.SIGKILL)
    stack.process.wait(20)
    psutil.wait_procs(processes, 20)


@pytest.mark.timeout(240)
async def test_processes_started_after_all_were_killed_at_once_go_on_with_every_click(tmp_path):
    killed = await asyncio.to_thread(Stack, tmp_path)
    await tap_all(killed, "spring")

    kill_everything(killed)

    again = await asyncio.to_thread(Stack, tmp_path)
    try:
        await tap_all(again, "autumn")
        status, ledger = await arrived(again)
        assert (status, ledger["answered"], ledger["pending"]) == (0, 2 * TAPS, 0)
        clickhouse = ClickHouse(again.ready["clickhouse"])
        await check_nothing_is_amiss(again.ready["redis"], clickhouse, 2 * TAPS)
        await clickhouse.close()
    finally:
        again.stop()
