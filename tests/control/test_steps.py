"""How finely a report shows visits over time."""

import pytest

from control.reports.steps import STEPS_S, step_for

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("most_s", "step_s"),
    [(0, 60), (3 * HOUR, 60), (6 * HOUR, 300), (2 * DAY, 900), (7 * DAY, HOUR), (60 * DAY, DAY), (900 * DAY, 7 * DAY)],
)
def test_a_step_is_as_fine_as_the_chart_has_room_for(most_s, step_s):
    assert step_for(most_s, most_s) == step_s


def test_one_late_visit_makes_steps_no_coarser_than_it_must():
    assert step_for(2 * DAY, 10 * DAY) == 900
    assert step_for(2 * DAY, 30 * DAY) == HOUR
    assert step_for(2 * DAY, 300 * DAY) == DAY


def test_a_broadcast_of_decades_has_steps_of_weeks():
    assert step_for(20_000 * DAY, 20_000 * DAY) == STEPS_S[-1]
