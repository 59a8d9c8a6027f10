"""The fair share of an aggregator: how many lanes it may own while other aggregators live. Pure."""

import math

from runtime.clock import Clock

# A surplus of a moment moves no lane: lanes end and begin while edges restart.
PATIENCE_S = 2.0


class FairShare:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._above_since = math.inf
        self.aggregators = 1  # that live
        self.lanes = 0  # at most so many are taken
        self.surplus = 0  # so many are to be given back

    def update(self, lanes: int, owned: int) -> None:
        """Lanes there are, and those owned here. Rounded up, so that together all have room for every lane."""
        self.lanes = math.ceil(lanes / self.aggregators)
        now = self._clock.monotonic()
        self._above_since = min(self._above_since, now) if owned > self.lanes else math.inf
        self.surplus = owned - self.lanes if now - self._above_since >= PATIENCE_S else 0
