import asyncio

import pytest

from control.gathered import Gathered


async def test_what_is_asked_while_work_is_under_way_is_done_together_next():
    batches = []

    async def work(wanted):
        batches.append(list(wanted))
        await asyncio.sleep(0.01)
        return [one * 10 for one in wanted]

    gathered = Gathered(work, most=3)

    async def later(one):
        await asyncio.sleep(0.005)
        return await gathered(one)

    results = await asyncio.gather(gathered(1), *map(later, [2, 3, 4, 5]))

    assert results == [10, 20, 30, 40, 50]
    assert batches == [[1], [2, 3, 4], [5]]


async def test_a_failure_reaches_each_that_asked_and_nobody_after():
    fails = True

    async def work(wanted):
        if fails:
            raise ValueError("away")
        return wanted

    gathered = Gathered(work)

    failed = await asyncio.gather(gathered(1), gathered(2), return_exceptions=True)
    fails = False

    assert [str(error) for error in failed] == ["away", "away"]
    assert await gathered(3) == 3


async def test_a_caller_that_gives_up_costs_the_others_nothing():
    asked = asyncio.Event()
    released = asyncio.Event()

    async def work(wanted):
        asked.set()
        await released.wait()
        return wanted

    gathered = Gathered(work)
    first, second = asyncio.create_task(gathered(1)), asyncio.create_task(gathered(2))
    await asked.wait()
    first.cancel()
    released.set()

    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
