"""Every metric of an aggregator process; read from its parts when scraped."""

import time
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aggregator.assembly import Aggregator
from aggregator.auditor import Auditor
from aggregator.enrich import Enricher
from aggregator.erasures import Erasures
from aggregator.geo_files import GeoFiles
from aggregator.neighbours import Neighbours
from runtime.histogram import histogram
from visitors.agents import VisitClass
from visitors.neighbours import NEIGHBOUR_REASONS


class Beside(NamedTuple):
    """What works in an aggregator beside the moving of clicks."""

    auditor: Auditor
    neighbours: Neighbours
    enricher: Enricher
    geo: GeoFiles
    erasures: Erasures


class AggregatorCollector(Collector):
    def __init__(self, aggregator: Aggregator, beside: Beside) -> None:
        self._leases, self._takeover, self._inserter = aggregator.leases, aggregator.takeover, aggregator.inserter
        self._progress, self._backlog = aggregator.pipeline.progress, aggregator.upkeep.backlog
        self._auditor, self._neighbours, self._enricher, self._geo, self._erasures = beside

    def collect(self) -> Iterator[Metric]:
        lanes, inserts = chain(self._of_lanes(), self._of_streams()), chain(self._of_inserts(), self._of_doubt())
        return chain(lanes, inserts, self._of_audit(), self._of_scans(), self._of_geo(), self._of_erasures())

    def _of_lanes(self) -> Iterator[Metric]:
        leases = self._leases
        # 0 on every aggregator while edges serve: nobody moves clicks. See whether Redis can be reached.
        yield GaugeMetricFamily("taptrail_lanes_owned", "Lanes this process owns", value=len(leases.owned))
        yield GaugeMetricFamily("taptrail_lanes_registered", "Lanes edges have registered", value=len(leases.reports))
        # An edge has gone with its disk, or hangs: bring it back, or close the lane.
        yield GaugeMetricFamily(
            "taptrail_lanes_silent", "Registered lanes not reported for a minute", value=leases.silent()
        )
        # Some are harmless. Again and again: this process or Redis stalls for longer than a lease.
        lost = self._progress.leases_lost
        yield CounterMetricFamily("taptrail_leases_lost", "Leases lost with clicks in hand", value=lost)

        # Any: an edge's machine lost power, or its disk and memory were full. docs/runbook.md#clicks-lost.
        clicks = self._takeover.clicks_lost
        yield CounterMetricFamily("taptrail_clicks_lost", "Clicks answered that no spool had at its end", value=clicks)

    def _of_streams(self) -> Iterator[Metric]:
        backlog, now_s = self._backlog, time.time()
        # These three grow while ClickHouse is away, or when there is more than the aggregators can move: start another.
        yield GaugeMetricFamily(
            "taptrail_stream_entries", "Entries in the streams of lanes owned", value=backlog.entries
        )
        yield GaugeMetricFamily(
            "taptrail_stream_lag_clicks", "Clicks in Redis, not in ClickHouse", value=backlog.clicks
        )
        lag_s = backlog.seconds(now_s)
        yield GaugeMetricFamily(
            "taptrail_stream_lag_seconds", "How long the oldest of these clicks has waited, at most", value=lag_s
        )
        # Grows while ClickHouse or Redis is away: clicks are late, not lost. Mend them.
        idle_s = now_s - self._progress.moved_at
        yield GaugeMetricFamily(
            "taptrail_since_last_batch_seconds", "Since the streams were last in order", value=idle_s
        )
        yield histogram("taptrail_click_delay_seconds", "From a tap to its row, at most", self._progress.delays)

    def _of_inserts(self) -> Iterator[Metric]:
        inserter = self._inserter
        rows = inserter.rows_inserted["clicks"]
        yield CounterMetricFamily("taptrail_rows_inserted", "Clicks written to ClickHouse", value=rows)
        yield CounterMetricFamily("taptrail_batches", "Batches moved", value=self._progress.batches)
        # Beyond 5 s ClickHouse refuses an INSERT as too late: it is overloaded, or the network is.
        yield histogram("taptrail_insert_seconds", "One INSERT that was confirmed", inserter.insert_seconds)
        yield histogram("taptrail_insert_rows", "Rows of one INSERT that was confirmed", inserter.insert_rows)

    def _of_doubt(self) -> Iterator[Metric]:
        inserter = self._inserter
        # Entries that do not decode: look into dead_clicks for the reason, then at the edge that sent them.
        dead = inserter.rows_inserted["dead_clicks"]
        yield CounterMetricFamily("taptrail_dead_clicks", "Clicks set aside undecoded", value=dead)
        # A few are harmless. If they go on, ClickHouse is overloaded or the network drops.
        yield CounterMetricFamily("taptrail_insert_doubts", "Inserts that had to be looked up", value=inserter.doubts)
        # With doubts and whenever lanes change hands. More: lanes do not stay with their owners.
        verified = inserter.verifications + self._progress.verifications
        yield CounterMetricFamily(
            "taptrail_verifications", "Times the tables were asked what they have", value=verified
        )
        # Grows while a store is unavailable; the event insert_deferred names it.
        yield CounterMetricFamily("taptrail_pipeline_failures", "Batches put off", value=self._progress.failures)

    def _of_audit(self) -> Iterator[Metric]:
        audit, age_s = self._auditor.last, time.time() - self._auditor.audited_at
        # Anything but 0: run `taptrail audit`, then docs/runbook.md#audit. The next three say which it is.
        yield GaugeMetricFamily("taptrail_ledger_gap", "Clicks missing, doubled or unprojected", value=audit.wrong)
        yield GaugeMetricFamily("taptrail_audit_missing", "Clicks acknowledged and not in a table", value=audit.missing)
        yield GaugeMetricFamily("taptrail_audit_doubled", "Clicks in the tables twice", value=audit.doubled)
        yield GaugeMetricFamily("taptrail_audit_unprojected", "Rows the projection lacks", value=audit.unprojected)
        yield GaugeMetricFamily("taptrail_audit_lanes", "Lanes the last audit looked at", value=audit.lanes)
        # Beyond a few minutes nobody would know of a loss: see whether ClickHouse and Redis answer.
        yield GaugeMetricFamily("taptrail_audit_age_seconds", "Since the last audit that was finished", value=age_s)

    def _of_scans(self) -> Iterator[Metric]:
        # Reports change by as much some minutes after the taps. Far more than usual: a new gateway opens every link.
        rows = CounterMetricFamily("taptrail_scanner_rows", "Rows whose neighbours show a scanner", labels=["reason"])
        for reason in NEIGHBOUR_REASONS:
            rows.add_metric([reason], self._neighbours.rows_changed[reason])
        yield rows
        # Any human but of phones of your own: machines are taken for people. See the report and the agents in clicks.
        canaries = CounterMetricFamily("taptrail_canary_clicks", "Clicks on canaries", labels=["class"])
        for name in VisitClass:
            canaries.add_metric([name], self._enricher.canary_clicks[name])
        yield canaries

    def _of_geo(self) -> Iterator[Metric]:
        # Beyond 45 days too many addresses have changed hands: fetch newer files, docs/geo.md. Without files no value.
        age_days = self._geo.age_days(time.time())
        yield GaugeMetricFamily(
            "taptrail_geo_age_days", "Days since the oldest geo file in use was built", value=age_days
        )

    def _of_erasures(self) -> Iterator[Metric]:
        waiting = self._erasures.waiting
        yield GaugeMetricFamily("taptrail_erasures_waiting", "Erasures that are not done", value=waiting.erasures)
        # Half a minute, more with much history. Hours: the event erasure_waits names it; docs/runbook.md#erasure-waits.
        yield GaugeMetricFamily(
            "taptrail_erasure_waiting_seconds", "How long the oldest erasure has waited", value=waiting.oldest_s
        )
