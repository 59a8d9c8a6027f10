"""Clicks are judged again while the command and ClickHouse are killed; the long run is `make regrade-test`."""

import pytest

from tests.chaos.regrade import main


@pytest.mark.system
async def test_after_any_kill_the_next_run_finishes_and_nothing_else_has_moved():
    kills = await main(interleavings=3, seed=2)

    assert min(kills.values()) > 0
