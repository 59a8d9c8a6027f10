import pytest

from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from runtime.retry_insert import OutcomeUnknown, until_confirmed


def attempts(*outcomes):
    """An attempt that meets these outcomes one after the other, and the numbers it was made with."""
    numbers = []

    async def attempt(number):
        numbers.append(number)
        if outcomes[number] is not None:
            raise outcomes[number]

    return attempt, numbers


async def test_a_write_is_attempted_until_clickhouse_answers():
    attempt, numbers = attempts(ClickHouseUnreachable("a"), ClickHouseUnreachable("b"), None)

    await until_confirmed(attempt, (0.0, 0.0, 0.0))

    assert numbers == [0, 1, 2]


async def test_the_outcome_of_a_write_that_is_never_answered_is_unknown():
    attempt, numbers = attempts(ClickHouseUnreachable("a"), ClickHouseUnreachable("the last trouble"))

    with pytest.raises(OutcomeUnknown, match="the last trouble"):
        await until_confirmed(attempt, (0.0,))

    assert numbers == [0, 1]


async def test_a_refused_write_is_not_repeated():
    attempt, numbers = attempts(ClickHouseRefused(47, "unknown column"), None)

    with pytest.raises(ClickHouseRefused):
        await until_confirmed(attempt, (0.0,))

    assert numbers == [0]
