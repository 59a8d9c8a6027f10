"""Controls: a chaos run with an aggregator that is weaker on purpose does not add up. A part of `make chaos`."""

import functools

import pytest

from tests.chaos.broken_pipelines import WeakerStack
from tests.chaos.chaos import chaos

pytestmark = pytest.mark.servers

EVERY_CLICK = "every answered tap is a row"
ARRIVAL_S = 25  # the one that is slow alone needs some 15
SEEDS = (1, 2, 3)  # whether a kill hits its moment, and nothing is sent again later that heals it, is chance
ONCE = "every (lane, seq) is one row"


async def run(folder, kind, seed=1, **more):
    folder.mkdir(exist_ok=True)
    weaker = functools.partial(WeakerStack, kind)
    return await chaos(folder, seed=seed, taps=3_000, kills=4, rate=250, up=weaker, **more)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("kind", "broken"),
    [("acknowledges-first", EVERY_CLICK), ("trims-by-length", EVERY_CLICK), ("inserts-again", ONCE)],
)
async def test_a_weaker_aggregator_is_found_out_by_a_chaos_run(tmp_path, kind, broken):
    for seed in SEEDS:
        result = await run(tmp_path / str(seed), kind, seed, arrival_s=ARRIVAL_S)
        if broken in result.differences():
            break

    assert broken in result.differences(), result.table()
    assert result.ledger_exit == 1 or result.ledger["pending"], result.table()


@pytest.mark.timeout(120)
async def test_one_that_is_slow_alone_is_not(tmp_path):
    result = await run(tmp_path, "slow")

    assert result.differences() == [], result.table()
