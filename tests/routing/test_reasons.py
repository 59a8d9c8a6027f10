"""Everything that follows from a reason is said where it is defined: nobody else keeps a list."""

from itertools import product
from typing import get_type_hints

import pytest

from control.http.schemas import LinkState
from edge.fast.answer import raw_answer
from edge.pages.texts import TEXTS
from edge.responses import answer
from edge.tap import Answered, Tap
from edge.tap_stats import TapStats
from routing.decide import refused
from routing.found import NOTHING
from routing.reasons import Reason
from routing.visit import Visit


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_page_its_status_and_its_count(reason):
    decision, stats, visit = refused(reason), TapStats(), Visit("go.acme.example", "")

    status, _, page = answer(decision, visit, NOTHING)
    stats.add_outcomes([Answered(Tap(visit, lambda *_: None), NOTHING, bytes(16), decision)])

    assert status == decision.status == reason.status >= 400
    assert all(text in page.decode() for text in TEXTS["en"][reason])
    assert raw_answer(decision, visit, NOTHING, keep_alive=True).endswith(page)
    assert stats.refusals[reason, False] == 1


def test_every_reason_is_in_the_metrics_from_the_start():
    assert TapStats().refusals == dict.fromkeys(product(Reason, (True, False)), 0)


def test_the_state_of_a_link_is_live_or_a_reason_of_a_row():
    rows = {reason.value for reason in Reason if reason.is_row}

    assert rows == {"not_yet", "expired", "stopped", "too_long"}
    assert set(get_type_hints(LinkState)["state"].__args__) == {"live"} | rows
