"""The whole system while its processes are killed and restarted under load: no click lost, none counted twice."""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import pytest

from runtime.clickhouse import ClickHouse
from tests.chaos.chaos import arrived, chaos
from tests.chaos.checks import check_each_click_once
from tests.chaos.kills import NAMES
from tests.chaos.taps import Taps
from tests.system.stack import Stack


@pytest.mark.timeout(240)
async def test_each_tap_is_one_row_whichever_processes_are_killed_under_load(tmp_path):
    result = await chaos(tmp_path, seed=1, taps=20_000, kills=2, rate=900)

    assert result.killed == dict.fromkeys(NAMES, 2)
    assert result.differences() == [], result.table()


@pytest.mark.timeout(240)
async def test_a_rolling_restart_of_the_edges_refuses_nobody_and_loses_no_click(tmp_path):
    stack = Stack(tmp_path, "--edge-workers", "2")
    try:
        codes = await asyncio.to_thread(stack.mint, 8_000)
        load = Taps(urlsplit(stack.ready["edge"]).port, codes, 500, per_connection=1)
        tapping = asyncio.create_task(load.run())
        for number, pid in enumerate(stack.ready["pids"]["edge"], 1):
            os.kill(pid, signal.SIGTERM)
            while sum(line["name"] == "edge" for line in stack.lines) < number:
                await asyncio.sleep(0.02)
        assert not tapping.done(), "the restarts were to happen under load"
        tally = await tapping

        assert (tally.refused, tally.shed, tally.wrong, tally.doubtful) == (0, 0, {}, set())
        status, ledger = await arrived(stack)
        assert (status, ledger["answered"]) == (0, 8_000)
        clickhouse = ClickHouse(stack.ready["clickhouse"])
        await check_each_click_once(clickhouse, 8_000)
        await clickhouse.close()
    finally:
        await asyncio.to_thread(stack.stop)
