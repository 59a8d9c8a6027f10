"""The verdict of a chaos run bites: whatever does not add up is named."""

from collections import Counter

import msgspec
import pytest

from tests.chaos.chaos import Result
from tests.chaos.checks import Rows
from tests.chaos.taps import Tally

LEDGER = {"answered": 3, "spooled": 3, "shipped": 3, "inserted": 3, "gap": 0}
GOOD = Result(1, Counter(), Tally(answered={"a", "b"}, doubtful={"c"}), Rows(3, 3, 3, 0), 0, 0, LEDGER, 0, 1.0)


def test_a_tap_whose_connection_broke_may_be_a_row_or_not():
    ledger = LEDGER | dict.fromkeys(("answered", "spooled", "shipped", "inserted"), 2)
    without = msgspec.structs.replace(GOOD, rows=Rows(2, 2, 2, 0), ledger=ledger)

    assert (GOOD.differences(), without.differences()) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        {"missing": 1},
        {"doubled": 1},
        {"ledger_exit": 1},
        {"rows": Rows(1, 1, 1, 0), "ledger": dict.fromkeys(LEDGER, 1)},
        {"rows": Rows(4, 4, 4, 0), "ledger": dict.fromkeys(LEDGER, 4) | {"gap": 0}},
        {"rows": Rows(3, 2, 3, 0)},
        {"rows": Rows(3, 3, 2, 0)},
        {"rows": Rows(3, 3, 3, 1)},
        {"ledger": LEDGER | {"answered": 4}},
        {"ledger": LEDGER | {"spooled": 4}},
        {"ledger": LEDGER | {"gap": 1}},
        {"taps": Tally(answered={"a", "b"}, doubtful={"c"}, wrong={"d": "404 "})},
    ],
    ids="+".join,
)
def test_a_run_that_does_not_add_up_is_told(change):
    assert msgspec.structs.replace(GOOD, **change).differences()
    assert "it adds up" not in msgspec.structs.replace(GOOD, **change).table()
