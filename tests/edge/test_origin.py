import asyncio

import pytest

from edge.origin import PAUSE_AFTER_FAILURE_S, Batched, ResolveFailed


async def test_keys_of_one_tick_are_asked_for_together_and_once():
    asked = []

    async def query(keys):
        asked.append(keys)
        return {key: key * 2 for key in keys if key != 3}

    batched = Batched(query)

    assert await asyncio.gather(*(batched.get(key) for key in (1, 2, 1, 3))) == [2, 4, 2, None]
    assert asked == [[1, 2, 3]]


async def test_an_answer_that_cannot_be_read_fails_the_look_up_and_not_the_ones_after_it():
    answers = [ValueError("not JSON"), {1: "found"}]

    async def query(keys):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    batched = Batched(query)

    with pytest.raises(ResolveFailed):
        await batched.get(1)
    await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
    assert await batched.get(1) == "found"


async def test_a_clickhouse_that_just_failed_is_left_alone_for_a_moment():
    asked = []

    async def query(keys):
        asked.append(keys)
        raise ValueError

    batched = Batched(query)

    for _ in range(3):
        with pytest.raises(ResolveFailed):
            await batched.get(1)
    assert len(asked) == 1
