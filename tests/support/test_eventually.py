import pytest

from tests.support.eventually import eventually, wait_until


async def test_the_value_that_came_true_is_given_whether_it_had_to_be_awaited_or_not():
    numbers = iter(range(3))
    letters = iter("ab")

    async def letter():
        return next(letters)

    assert await eventually(lambda: next(numbers)) == 1
    assert await eventually(letter, equals="b") == "b"
    assert wait_until(iter(range(9)).__next__, lambda number: number > 3) == 4


async def test_what_never_comes_true_fails_and_names_the_value_seen_last():
    with pytest.raises(AssertionError, match=r"within 0\.03 s it did not come true; last seen: 7, expected 8"):
        await eventually(lambda: 7, equals=8, within_s=0.03)
    with pytest.raises(AssertionError, match=r"within 0\.03 s it did not come true; last seen: \[\]"):
        wait_until(list, within_s=0.03)


async def test_nothing_and_zero_can_be_waited_for():
    counting_down = iter([2, 1, 0])

    assert await eventually(lambda: next(counting_down), equals=0) == 0
    assert wait_until(lambda: None, equals=None) is None
