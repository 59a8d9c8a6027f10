"""What the pipeline has moved, for metrics."""

from aggregator.clicks import Clicks
from runtime.clock import Clock
from runtime.histogram import Histogram

DELAYS_S = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class Progress:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.batches = 0
        self.failures = 0
        self.leases_lost = 0
        self.verifications = 0  # times the tables were asked which clicks of a batch they have
        self.moved_at = clock.unix_s()  # when the streams were last found empty or a batch was acknowledged
        self.delays = Histogram(DELAYS_S)  # from a tap to its row; of each batch that of its oldest click

    def nothing_to_move(self) -> None:
        self.moved_at = self._clock.unix_s()

    def moved(self, clicks: Clicks) -> None:
        """A batch was acknowledged."""
        self.moved_at = self._clock.unix_s()
        if clicks:
            self.batches += 1
            self.delays.observe(max(self.moved_at - min(clicks.clicked_at_ms) / 1000, 0.0), len(clicks))
