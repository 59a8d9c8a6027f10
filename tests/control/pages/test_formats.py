"""How pages write numbers."""

from datetime import UTC, datetime

import pytest

from control.pages import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.0004, "<0.1"), (0.004, "0.4"), (0.1234, "12.3"), (0.2, "20"), (0.99999, ">99.9"), (1.0, "100"),
    ],
)  # fmt: skip
def test_a_share_never_seems_to_be_none_or_all_when_it_is_not(value, text):
    assert formats.share(value) == f"{text}{formats.NARROW}%"


def test_numbers_and_moments_are_written_out():
    assert formats.number(1_234_567) == "1,234,567"
    assert formats.moment(datetime(2026, 5, 4, 9, 0, tzinfo=UTC)) == "4 May 2026, 09:00 UTC"
    assert formats.moment(formats.moment_of_ms(0)) == formats.NONE


def test_the_highest_value_is_as_high_as_the_picture_and_none_is_no_stroke():
    assert formats.strokes([0, 10, 5, 0], 120, 28) == "M45.0 28v-28.0M75.0 28v-14.0"
    assert formats.strokes([0, 0], 120, 28) == ""
    assert formats.strokes([], 120, 28) == ""
