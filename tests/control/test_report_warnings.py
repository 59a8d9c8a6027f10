"""Every warning of a report says what it means and what to do."""

import re

import pytest

from control.reports import statements
from control.reports.overview import State
from control.reports.warnings import ADVICE, WarningRow, advice_on, ranked
from messages.warnings import Kind

pytestmark = pytest.mark.pure
OF_REPORTS = {"passed-on-links", "composed-again"}  # counted in control/reports/report.py


def test_every_kind_that_is_counted_has_its_text_and_no_text_is_left_over():
    counted = set(re.findall(r"\('([a-z-]+)', ", statements.WARNINGS))

    assert len(counted) == 4
    assert set(ADVICE) == counted | OF_REPORTS | {kind.value for kind in Kind}


def test_the_list_of_broadcasts_warns_of_kinds_that_are_known():
    state = State("main", "spring", "", over=1, unjudged=10, clicks=20, hours=())

    assert {kind for kind, _ in state.warnings} <= set(ADVICE)


@pytest.mark.parametrize("advice", ADVICE.values(), ids=ADVICE)
def test_a_text_can_be_put_into_a_sentence(advice):
    for text in (advice.means, advice.remedy):
        assert text
        assert not text.endswith(".")


def test_a_detail_says_what_was_counted_and_what_to_do():
    over, unicode = ranked([WarningRow("unicode-because-of", 1), WarningRow("found-it-over", 2), WarningRow("x", 0)])

    assert over.detail == (
        "visits of people found the link over; extend or resume the broadcast, or give it a fallback"
    )
    assert unicode.detail.startswith("messages: a character outside GSM-7")
    assert unicode.detail.endswith("; replace that character by one of GSM-7")


def test_a_kind_of_another_version_is_named():
    assert advice_on("of-old").short == "of-old"
