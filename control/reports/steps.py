"""How finely a report shows visits over time. Pure."""

_HOUR_S, _DAY_S = 3_600, 86_400
# Each step with how long visits came for at most.
_STEPS_S = (
    (60, 3 * _HOUR_S), (300, 12 * _HOUR_S), (900, 2 * _DAY_S), (_HOUR_S, 31 * _DAY_S), (_DAY_S, 1_000 * _DAY_S),
)  # fmt: skip
_WEEK_S = 7 * _DAY_S


def step_for(span_s: int) -> int:
    """The finest step, in seconds, that a chart has room for."""
    return next((step_s for step_s, most_s in _STEPS_S if span_s <= most_s), _WEEK_S)
