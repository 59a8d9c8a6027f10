"""Every metric of an edge process. Plain integers on the hot path, turned into metrics only when scraped."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.breaker import Breaker
from edge.decide import Decision, Redirect
from edge.recorder import Recorder
from edge.redis_wire import RedisWire
from edge.resolver import Lookups
from edge.shipper import Shipper


class Counts:
    """What was answered, by redirect status and by reason of refusal."""

    def __init__(self) -> None:
        self.redirects: Counter[int] = Counter()
        self.refusals: Counter[str] = Counter()

    def answered(self, decision: Decision) -> None:
        if isinstance(decision, Redirect):
            self.redirects[decision.status] += 1
        else:
            self.refusals[decision.reason] += 1


class EdgeCollector(Collector):
    """Reads the counts of one process at the moment of a scrape."""

    def __init__(
        self,
        counts: Counts,
        lookups: Lookups,
        recorder: Recorder,
        wire: RedisWire,
        shippers: Callable[[], Iterable[Shipper]],
        origin: Breaker,
    ) -> None:
        self._counts, self._lookups, self._recorder, self._wire = counts, lookups, recorder, wire
        self._shippers, self._origin = shippers, origin
        self._started = time.time()

    def collect(self) -> Iterator[Metric]:
        yield from self._answers()
        yield from self._lookup_counts()
        yield from self._pipeline()

    def _answers(self) -> Iterator[Metric]:
        # Visits sent on to a live destination. A drop against refusals: links were stopped, or Redis lost them.
        redirects = CounterMetricFamily(
            "taptrail_redirects", "Visits redirected to a live destination", labels=["status"]
        )
        for status, count in self._counts.redirects.items():
            redirects.add_metric([str(status)], count)
        yield redirects
        # unknown_*: junk, or a domain not set up. unresolved: neither Redis nor ClickHouse answers: mend them first.
        refusals = CounterMetricFamily("taptrail_refusals", "Visits without a live link", labels=["reason"])
        for reason, count in self._counts.refusals.items():
            refusals.add_metric([reason], count)
        yield refusals

    def _lookup_counts(self) -> Iterator[Metric]:
        # A growing share of "walk" means Redis lacks links: look at its memory, or refill it.
        lookups = CounterMetricFamily("taptrail_lookups", "Links looked up, by the layer that knew", labels=["layer"])
        for layer in ("memory", "redis", "walk", "failed"):
            lookups.add_metric([layer], getattr(self._lookups, layer))
        yield lookups
        yield CounterMetricFamily("taptrail_lookup_batches", "Round trips to Redis", value=self._lookups.batches)
        # 0 for more than a few seconds: Redis is away; links come from ClickHouse, clicks wait in the spool.
        yield GaugeMetricFamily("taptrail_redis_connected", "Whether Redis answers", value=int(self._wire.connected))
        # Rises again and again: something between here and Redis cuts connections, or Redis is too slow.
        yield CounterMetricFamily("taptrail_redis_connects", "Connections made to Redis", value=self._wire.connects)
        # 0: ClickHouse does not answer; links that neither memory nor Redis has are answered 503. Mend it.
        answers = int(not self._origin.is_open)
        yield GaugeMetricFamily("taptrail_origin_answers", "Whether ClickHouse is asked for links", value=answers)
        yield CounterMetricFamily("taptrail_origin_failures", "Look-ups it failed", value=self._origin.failures)

    def _pipeline(self) -> Iterator[Metric]:
        shippers = list(self._shippers())
        recorder = self._recorder
        yield CounterMetricFamily("taptrail_clicks_answered", "Visits of known links answered", value=recorder.answered)
        # Anything but 0: disk and memory were full and visits went unrecorded. Free the spool's disk.
        yield CounterMetricFamily("taptrail_clicks_unrecorded", "Answered and lost", value=recorder.unrecorded)
        yield GaugeMetricFamily("taptrail_unspooled_bytes", "Clicks the disk refused", value=recorder.unspooled_bytes)
        # Grows while Redis or ClickHouse is away. At 85 % of the disk, mend them or add disk.
        yield GaugeMetricFamily(
            "taptrail_spool_bytes", "Clicks on disk", value=sum(one.spool_bytes for one in shippers)
        )
        waiting = sum(one.spooled - one.shipped for one in shippers)
        yield GaugeMetricFamily("taptrail_clicks_waiting", "Spooled, not yet in Redis", value=waiting)
        unsettled = sum(one.spooled - one.settled for one in shippers)
        yield GaugeMetricFamily("taptrail_clicks_unsettled", "Spooled, not known to be in ClickHouse", value=unsettled)
        # At 1 MiB while clicks wait: Redis is full of links, or of clicks that the aggregator does not fetch.
        room = min((one.room_bytes for one in shippers), default=0)
        yield GaugeMetricFamily("taptrail_lane_room_bytes", "Clicks a lane may have in Redis", value=room)
        # Grows while Redis refuses clicks: the log says why.
        retries = sum(one.retries for one in shippers)
        yield GaugeMetricFamily("taptrail_ship_retries", "Times Redis took nothing, lanes at hand", value=retries)
        yield GaugeMetricFamily("taptrail_lanes", "Lanes this process ships", value=len(shippers))
        yield GaugeMetricFamily("taptrail_start_time_seconds", "Unix time of the start", value=self._started)
