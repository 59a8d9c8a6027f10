from prometheus_client.core import HistogramMetricFamily

from edge.tap import Answered, Tap
from edge.tap_stats import TapStats
from routing.decide import UNKNOWN_HOST
from routing.found import Found
from routing.visit import Visit


def test_every_tap_of_a_tick_took_as_long_as_the_tick():
    stats = TapStats()
    taps = [Answered(Tap(Visit("other.example", ""), lambda *_: None), Found(), bytes(16), UNKNOWN_HOST)] * 32

    stats.answered(taps, 1.0, 1.5, 1.5, 1.5, 2.0)

    for observed, total in ((stats.stages[0], 16.0), (stats.stages[1], 0.0), (stats.seconds, 32.0)):
        family = HistogramMetricFamily("seconds", "", labels=())
        observed.add_to(family)
        samples = {sample.name: sample.value for sample in family.samples if sample.labels.get("le", "+Inf") == "+Inf"}
        assert samples == {"seconds_bucket": 32, "seconds_count": 32, "seconds_sum": total}
    assert stats.refusals["unknown_host", False] == 32
