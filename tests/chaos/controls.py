"""Controls: a chaos run with an aggregator that is weaker on purpose does not add up. A part of `make chaos`."""

import functools

import pytest

from tests.chaos.broken_pipelines import WeakerStack
from tests.chaos.chaos import chaos

pytestmark = pytest.mark.servers

EVERY_CLICK = "every answered tap is a row"
ARRIVAL_S = 25  # the one that is slow alone needs some 15
ONCE = "every (lane, seq) is one row"


async def run(folder, kind, **more):
    weaker = functools.partial(WeakerStack, kind)
    return await chaos(folder, seed=1, taps=3_000, kills=4, rate=250, up=weaker, **more)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("kind", "broken"),
    [("acknowledges-first", EVERY_CLICK), ("trims-by-length", EVERY_CLICK), ("inserts-again", ONCE)],
)
async def test_a_weaker_aggregator_is_found_out_by_a_chaos_run(tmp_path, kind, broken):
    result = await run(tmp_path, kind, arrival_s=ARRIVAL_S)

    assert broken in result.differences(), result.table()
    assert result.ledger_exit == 1 or result.ledger["pending"], result.table()


@pytest.mark.timeout(120)
async def test_one_that_is_slow_alone_is_not(tmp_path):
    result = await run(tmp_path, "slow")

    assert result.differences() == [], result.table()
