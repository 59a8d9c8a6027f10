"""Contacts are erased while the eraser and ClickHouse are killed; the long run is `make erasure-test`."""

import pytest

from tests.chaos.erasure import main


@pytest.mark.system
async def test_after_any_kill_an_erasure_ends_and_nothing_else_has_moved():
    kills = await main(interleavings=2, seed=2, regrades=True)

    assert kills["eraser"] + kills["clickhouse"] > 0
