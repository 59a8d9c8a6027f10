"""The verdict of a chaos run bites: whatever does not add up is named."""

import asyncio
from collections import Counter

import msgspec
import pytest

from tests.chaos.changes import Changed
from tests.chaos.chaos import Result
from tests.chaos.checks import Rows
from tests.chaos.outages import FOUND_AGAIN_S, Outage, explained
from tests.chaos.taps import Tally

SUMS = ("answered", "spooled", "shipped", "inserted")
LEDGER = {"answered": 3, "spooled": 3, "waiting": 0, "shipped": 3, "pending": 0, "inserted": 3, "gap": 0}
GOOD = Result(
    1,
    Counter(edge=1),
    Tally(answered={"a", "b"}, doubtful={"c"}),
    Rows(3, 3, 3, 0),
    0,
    0,
    0,
    LEDGER,
    0,
    1.0,
    Changed(9, 3),
)


def test_a_tap_whose_connection_broke_may_be_a_row_or_not():
    ledger = LEDGER | dict.fromkeys(SUMS, 2)
    without = msgspec.structs.replace(GOOD, rows=Rows(2, 2, 2, 0), ledger=ledger)

    assert (GOOD.differences(), without.differences()) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        {"missing": 1},
        {"doubled": 1},
        {"ledger_exit": 1},
        {"rows": Rows(1, 1, 1, 0), "ledger": LEDGER | dict.fromkeys(SUMS, 1)},
        {"rows": Rows(4, 4, 4, 0), "ledger": LEDGER | dict.fromkeys(SUMS, 4)},
        {"rows": Rows(3, 2, 3, 0)},
        {"rows": Rows(3, 3, 2, 0)},
        {"rows": Rows(3, 3, 3, 1)},
        {"ledger": LEDGER | {"answered": 4}},
        {"ledger": LEDGER | {"spooled": 4}},
        {"ledger": LEDGER | {"gap": 1}},
        {"ledger": LEDGER | {"pending": 1}},
        {"ledger": LEDGER | {"waiting": 1}},
        {"killed": Counter(edge=0)},
        {"unexplained": 1},
        {"changes": Changed(9, 3, wrong=["a code was given twice"])},
        {"changes": Changed()},
        {"taps": Tally(answered={"a", "b"}, doubtful={"c"}, refused=1)},
        {
            "taps": Tally(doubtful={str(number) for number in range(33)}),
            "rows": Rows(0, 0, 0, 0),
            "ledger": dict.fromkeys(LEDGER, 0),
        },
        {"taps": Tally(answered={"a", "b"}, doubtful={"c"}, wrong={"d": "404 "})},
    ],
    ids="+".join,
)
def test_a_run_that_does_not_add_up_is_told(change):
    assert msgspec.structs.replace(GOOD, **change).differences()
    assert "it adds up" not in msgspec.structs.replace(GOOD, **change).table()


def test_a_503_is_explained_by_both_stores_away_at_once_and_by_nothing_else():
    redis, clickhouse = [(10.0, 12.0), (30.0, 31.0)], [(11.0, 20.0)]

    assert explained((11.5, 11.6), [redis, clickhouse])
    assert explained((11.9, 12.0 + FOUND_AGAIN_S), [redis, clickhouse]), "an edge has not found it again yet"
    assert not explained((10.0, 10.9), [redis, clickhouse]), "ClickHouse could answer"
    assert not explained((15.0, 16.0), [redis, clickhouse]), "Redis could answer"
    assert not explained((30.0, 31.0), [redis, clickhouse])
    assert not explained((11.5, 11.6), [redis, []])


async def test_a_store_is_away_from_its_last_answer_to_its_next():
    answers = iter([True, False, False, True, True, False])

    async def answer():
        return next(answers)

    outage = Outage(answer, within_s=1)
    with pytest.raises(RuntimeError):  # no more answers
        await outage.watch()

    assert len(outage.spans) == 2
    (began, ended), (again, _) = outage.spans
    assert 0.25 < ended - began < 1
    assert ended <= again


async def test_a_store_that_takes_longer_than_an_edge_waits_is_away():
    paces = iter([0.0, 0.5, 0.0])

    async def answer():
        await asyncio.sleep(next(paces))
        return True

    outage = Outage(answer, within_s=0.4)
    with pytest.raises(RuntimeError):  # no more answers
        await outage.watch()

    ((began, ended),) = outage.spans
    assert ended - began >= 0.5
