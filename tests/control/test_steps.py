"""How finely a report shows visits over time."""

import pytest

from control.reports.steps import step_for

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("span_s", "step_s"),
    [
        (0, 60), (3 * HOUR, 60), (3 * HOUR + 1, 300), (2 * DAY, 900), (7 * DAY, HOUR), (31 * DAY, HOUR),
        (60 * DAY, DAY), (20_000 * DAY, 7 * DAY),
    ],
)  # fmt: skip
def test_a_step_is_as_fine_as_the_chart_has_room_for(span_s, step_s):
    assert step_for(span_s) == step_s
