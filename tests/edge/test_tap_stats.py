from prometheus_client.core import HistogramMetricFamily

from edge.tap_stats import Counts
from routing.decide import UNKNOWN_HOST, Answered, Target


def test_every_tap_of_a_tick_took_as_long_as_the_tick():
    counts = Counts()
    taps = [Answered(None, Target(), bytes(16), UNKNOWN_HOST)] * 32

    counts.answered(taps, 1.0, 1.5, 1.5, 1.5, 2.0)

    for observed, total in ((counts.stages[0], 16.0), (counts.stages[1], 0.0), (counts.seconds, 32.0)):
        family = HistogramMetricFamily("seconds", "", labels=())
        observed.add_to(family)
        samples = {sample.name: sample.value for sample in family.samples if sample.labels.get("le", "+Inf") == "+Inf"}
        assert samples == {"seconds_bucket": 32, "seconds_count": 32, "seconds_sum": total}
    assert counts.refusals["unknown_host", False] == 32
