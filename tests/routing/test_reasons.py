"""Everything that follows from a reason is said beside it: nobody else keeps a list."""

from itertools import product
from typing import get_type_hints

import pytest

from control.http.schemas import LinkState
from edge.fast.answer import raw_answer
from edge.responses import answer
from edge.tap import Answered, Tap
from edge.tap_stats import TapStats
from routing.decide import refused
from routing.found import Found
from routing.reasons import Reason
from routing.visit import Visit


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_page_its_status_and_its_count(reason):
    decision, stats = refused(reason), TapStats()

    status, _, page = answer(decision, "Acme")
    stats.add_outcomes([Answered(Tap(Visit("go.acme.example", ""), lambda *_: None), Found(), bytes(16), decision)])

    assert status == decision.status == reason.status >= 400
    assert reason.heading in page.decode()
    assert reason.text in page.decode()
    assert raw_answer(decision, "Acme", head=False, keep_alive=True).endswith(page)
    assert stats.refusals[reason, False] == 1


def test_every_reason_is_in_the_metrics_from_the_start():
    assert TapStats().refusals == dict.fromkeys(product(Reason, (True, False)), 0)


def test_the_state_of_a_link_is_live_or_a_reason_of_a_row():
    rows = {reason.value for reason in Reason if reason.is_row}

    assert rows == {"not_yet", "expired", "stopped", "too_long"}
    assert set(get_type_hints(LinkState)["state"].__args__) == {"live"} | rows
