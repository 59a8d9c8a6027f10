"""A histogram of plain integers, for places where a metric library's own would cost too much."""

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client.core import HistogramMetricFamily

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
POWERS = (1, 4, 16, 64, 256, 1024, 4096, 16384)


class Histogram:
    """How many values fell at or below each bound, ascending."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """One value; times: that so many things had in common."""
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def add_to(self, family: HistogramMetricFamily, *labels: str) -> None:
        """What was observed until now, as one labelled metric of the family."""
        buckets, below = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        family.add_metric(labels, buckets, self._sum)


def histogram(name: str, documentation: str, observed: Histogram) -> HistogramMetricFamily:
    """A family without labels."""
    family = HistogramMetricFamily(name, documentation, labels=())
    observed.add_to(family)
    return family
