"""Every metric of an edge process; read from its parts at the moment of a scrape."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.block_memory import BlockMemory
from edge.clickhouse_loader import ClickHouseLoader
from edge.lookup_stats import LookupStats
from edge.recorder import Recorder
from edge.redis_wire import RedisWire
from edge.shipper import Shipper
from edge.tap_stats import STAGES, TapStats
from runtime.guard.guard import Guard
from runtime.histogram import histogram


class TapCollector(Collector):
    """What visitors get."""

    def __init__(self, stats: TapStats, guard: Guard, accept_queue: Callable[[], int]) -> None:
        self._stats, self._guard, self._accept_queue = stats, guard, accept_queue

    def collect(self) -> Iterator[Metric]:
        return chain(self._answers(), self._seconds(), self._load())

    def _answers(self) -> Iterator[Metric]:
        # Visits sent on to a live destination; status 200: what draws previews got one. A drop against refusals: links
        # were stopped, or Redis lost them.
        redirects = CounterMetricFamily(
            "taptrail_redirects", "Visits redirected to a live destination", labels=["status", "link"]
        )
        for (status, is_personal), count in self._stats.redirects.items():
            redirects.add_metric([str(status), "personal" if is_personal else "shared"], count)
        yield redirects
        # unknown_*: junk, or a domain not set up. unresolved: neither Redis nor ClickHouse answers: fix them first.
        # overloaded: add edges. too_long: a destination filled beyond 8,000 bytes; give it fewer placeholders.
        # domain: whether the short domain is registered; unknown also if it was not looked up.
        refusals = CounterMetricFamily("taptrail_refusals", "Visits without a live link", labels=["reason", "domain"])
        for (reason, is_known), count in self._stats.refusals.items():
            refusals.add_metric([reason, "known" if is_known else "unknown"], count)
        yield refusals
        # Anything but 0: a defect; the log has it. Those of the same tick that were answered before it count as well.
        yield CounterMetricFamily("taptrail_failed_visits", "Visits a defect cost", value=self._stats.failed)

    def _seconds(self) -> Iterator[Metric]:
        # Taps of one event-loop tick are answered together, and each waited as long as all of them.
        yield histogram("taptrail_redirect_seconds", "From the tick of a visit to its answer", self._stats.seconds)
        # resolve: Redis, or ClickHouse behind it, is slow. record: the spool's disk is. The others: too little CPU.
        stages = HistogramMetricFamily(
            "taptrail_redirect_stage_seconds", "Of that, each stage of a redirect", labels=["stage"]
        )
        for name, stage in zip(STAGES, self._stats.stages, strict=True):
            stage.add_to(stages, name)
        yield stages

    def _load(self) -> Iterator[Metric]:
        guard = self._guard
        yield GaugeMetricFamily("taptrail_connections", "Open connections of visitors", value=guard.open)
        # Reached: idle visitors lose their connection. Raise the limit of open files, or add edges.
        yield GaugeMetricFamily(
            "taptrail_connections_limit", "Connections of visitors there may be", value=guard.most_open
        )
        # Stays above a thousand: this edge cannot keep up; it sheds. Add edges.
        yield GaugeMetricFamily(
            "taptrail_accept_queue_connections", "Connections that wait to be accepted", value=self._accept_queue()
        )
        yield GaugeMetricFamily("taptrail_shed_ratio", "Share of new connections turned away", value=guard.shed_share)
        yield CounterMetricFamily(
            "taptrail_connections_shed", "Connections turned away unread with a 503", value=self._stats.shed
        )


class LookupCollector(Collector):
    """Where links are found."""

    def __init__(self, stats: LookupStats, blocks: BlockMemory, wire: RedisWire, loader: ClickHouseLoader) -> None:
        self._stats, self._blocks, self._wire, self._loader = stats, blocks, wire, loader

    def collect(self) -> Iterator[Metric]:
        return chain(self._layers(), self._memory(), self._redis(), self._clickhouse())

    def _layers(self) -> Iterator[Metric]:
        # A growing share of "clickhouse" means Redis lacks links: look at its memory, or refill it.
        lookups = CounterMetricFamily(
            "taptrail_lookups", "Links looked up, by the layer that was asked", labels=["layer"]
        )
        for layer in ("memory", "redis", "failed"):
            lookups.add_metric([layer], getattr(self._stats, layer))
        lookups.add_metric(["clickhouse"], self._loader.links.asked)
        yield lookups
        # The first tap of a broadcast, of a domain, of a slug; many more of them: Redis cannot be reached.
        yield CounterMetricFamily("taptrail_walks", "Look-ups of more than one step", value=self._stats.walks)
        # Rises: a message has letters or digits straight behind its link. The log names a domain; put a space there.
        yield CounterMetricFamily(
            "taptrail_text_glued", "Taps of unknown codes that begin with a live one", value=self._stats.text_glued
        )

    def _memory(self) -> Iterator[Metric]:
        blocks = self._blocks
        yield GaugeMetricFamily(
            "taptrail_link_memory_bytes", "Links of Redis held in memory, in blocks", value=blocks.held_bytes
        )
        yield GaugeMetricFamily("taptrail_link_memory_blocks", "How many blocks of 64 neighbours", value=len(blocks))
        # Rises while most look-ups are of the layer redis: more links are tapped again than memory has room for. Raise
        # TAPTRAIL_LINK_MEMORY, and the process's memory limit with it.
        yield CounterMetricFamily("taptrail_link_memory_evictions", "Blocks that made room", value=blocks.evicted)

    def _redis(self) -> Iterator[Metric]:
        batches = self._stats.batch_links
        yield histogram("taptrail_lookup_batch_links", "Links asked of Redis in one round trip", batches)
        # 0 for more than a few seconds: Redis is away; links come from ClickHouse, clicks wait in the spool.
        yield GaugeMetricFamily("taptrail_redis_connected", "Whether Redis answers", value=int(self._wire.connected))
        # Rises again and again: something between here and Redis cuts connections, or Redis is too slow.
        yield CounterMetricFamily("taptrail_redis_connects", "Connections made to Redis", value=self._wire.connects)

    def _clickhouse(self) -> Iterator[Metric]:
        breaker = self._loader.breaker
        # 0: ClickHouse does not answer; links that neither memory nor Redis has are answered 503. Mend it.
        answers = int(not breaker.is_open)
        yield GaugeMetricFamily("taptrail_origin_answers", "Whether ClickHouse is asked for links", value=answers)
        yield CounterMetricFamily("taptrail_origin_failures", "Look-ups ClickHouse failed", value=breaker.failures)
        yield histogram(
            "taptrail_origin_query_seconds", "One query of look-ups in ClickHouse", self._stats.query_seconds
        )
        yield histogram("taptrail_origin_query_keys", "Keys asked of ClickHouse in one query", self._stats.query_keys)


class ClickCollector(Collector):
    """What becomes of the clicks."""

    def __init__(self, recorder: Recorder, shippers: Callable[[], Iterable[Shipper]], spool_dir: str) -> None:
        self._recorder, self._shippers, self._spool_dir = recorder, shippers, spool_dir

    def collect(self) -> Iterator[Metric]:
        shippers = list(self._shippers())
        return chain(self._recorded(), self._spooled(shippers), self._disk(), self._shipped(shippers))

    def _recorded(self) -> Iterator[Metric]:
        recorder = self._recorder
        yield CounterMetricFamily("taptrail_clicks_answered", "Visits of known links answered", value=recorder.answered)
        # Anything but 0: disk and memory were full and visits went unrecorded. Free the spool's disk.
        yield CounterMetricFamily("taptrail_clicks_unrecorded", "Clicks answered and lost", value=recorder.unrecorded)
        yield GaugeMetricFamily(
            "taptrail_unspooled_bytes", "Clicks the disk refused, held in memory", value=recorder.unspooled_bytes
        )

    def _spooled(self, shippers: list[Shipper]) -> Iterator[Metric]:
        # Grows while Redis or ClickHouse is away. At 85 % of the disk, fix them or add disk.
        spooled = sum(shipper.lane.spool.size for shipper in shippers)
        yield GaugeMetricFamily("taptrail_spool_bytes", "Clicks on disk", value=spooled)
        yield GaugeMetricFamily("taptrail_lanes", "Lanes this process ships", value=len(shippers))

    def _disk(self) -> Iterator[Metric]:
        try:
            disk = os.statvfs(self._spool_dir)
        except OSError:  # the other metrics are wanted all the more
            return
        # Nearly none left: free or add space before clicks are held in memory.
        free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        yield GaugeMetricFamily("taptrail_spool_disk_free_bytes", "Free on the spool's file system", value=free)
        yield GaugeMetricFamily("taptrail_spool_disk_size_bytes", "Size of the spool's file system", value=size)

    def _shipped(self, shippers: list[Shipper]) -> Iterator[Metric]:
        now_s = time.time()
        progress = [shipper.progress for shipper in shippers]
        waiting = sum(lane.spooled - lane.shipped for lane in progress)
        yield GaugeMetricFamily("taptrail_clicks_waiting", "Clicks spooled, not yet in Redis", value=waiting)
        unsettled = sum(lane.spooled - lane.settled for lane in progress)
        yield GaugeMetricFamily(
            "taptrail_clicks_unsettled", "Clicks spooled, not known to be in ClickHouse", value=unsettled
        )
        # Upper bounds. The first grows alone: Redis is away or full. Both: the aggregators or ClickHouse are.
        age_s = max((lane.waiting_s(now_s) for lane in progress), default=0.0)
        yield GaugeMetricFamily(
            "taptrail_oldest_waiting_seconds", "Age of the oldest click not in Redis, at most", value=age_s
        )
        age_s = max((lane.unsettled_s(now_s) for lane in progress), default=0.0)
        yield GaugeMetricFamily(
            "taptrail_oldest_unsettled_seconds", "Age of the oldest click not in ClickHouse, at most", value=age_s
        )
        # At 1 MiB while clicks wait: Redis is full of links, or of clicks that the aggregator does not fetch.
        quota = min((shipper.window.quota_bytes for shipper in shippers), default=0)
        yield GaugeMetricFamily("taptrail_lane_room_bytes", "Clicks a lane may have in Redis", value=quota)
        # Grows while Redis refuses clicks: the log says why.
        retries = sum(shipper.retries for shipper in shippers)
        yield GaugeMetricFamily("taptrail_ship_retries", "Times Redis took nothing, lanes at hand", value=retries)
