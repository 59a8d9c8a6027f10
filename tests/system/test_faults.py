"""The whole system while its processes are killed and restarted under load: no click lost, none counted twice."""

import pytest

from tests.chaos.chaos import chaos
from tests.chaos.kills import NAMES


@pytest.mark.timeout(240)
async def test_each_tap_is_one_row_whichever_processes_are_killed_under_load(tmp_path):
    result = await chaos(tmp_path, seed=1, taps=20_000, kills=2, rate=900)

    assert result.killed == dict.fromkeys(NAMES, 2)
    assert result.differences() == [], result.table()
