"""How finely a report shows visits over time. Pure."""

STEPS_S = (60, 300, 900, 3_600, 86_400, 604_800)
FEW, MANY = 200, 1_000  # steps that a chart shows well, and that it can show


def step_for(most_s: int, whole_s: int) -> int:
    """The finest step of which FEW hold most visits, and MANY all: a single late one does not flatten the rest.

    most_s: how long visits came for without the first and the last in a hundred; whole_s: all of them. In seconds.
    """
    fitting = (step_s for step_s in STEPS_S if most_s <= FEW * step_s and whole_s <= MANY * step_s)
    return next(fitting, STEPS_S[-1])
