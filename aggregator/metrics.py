"""Every metric of an aggregator process; read from its parts when scraped."""

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aggregator.audit import Auditor
from aggregator.lanes import Lanes
from aggregator.pipeline import Pipeline
from aggregator.writer import Writer


class AggregatorCollector(Collector):
    def __init__(self, pipeline: Pipeline, lanes: Lanes, writer: Writer, auditor: Auditor) -> None:
        self._pipeline, self._lanes, self._writer, self._auditor = pipeline, lanes, writer, auditor

    def collect(self) -> Iterator[Metric]:
        yield from self._flow()
        yield from self._doubt()

    def _flow(self) -> Iterator[Metric]:
        pipeline, writer = self._pipeline, self._writer
        # 0 on every aggregator while edges serve: nobody moves clicks. See whether Redis can be reached.
        yield GaugeMetricFamily("taptrail_lanes_owned", "Lanes this process owns", value=len(self._lanes.owned))
        yield CounterMetricFamily("taptrail_rows_inserted", "Clicks written to ClickHouse", value=writer.rows_inserted)
        yield CounterMetricFamily("taptrail_batches", "Batches moved", value=pipeline.batches)
        yield CounterMetricFamily("taptrail_insert_seconds", "Time spent in inserts", value=writer.insert_seconds)
        # Grows while ClickHouse or Redis is away: clicks are late, not lost. Mend them.
        idle_s = time.time() - pipeline.moved_at
        yield GaugeMetricFamily(
            "taptrail_since_last_batch_seconds", "Since the streams were last in order", value=idle_s
        )

    def _doubt(self) -> Iterator[Metric]:
        writer = self._writer
        # Entries that do not decode: look into dead_clicks for the reason, then at the edge that sent them.
        yield CounterMetricFamily("taptrail_dead_clicks", "Clicks set aside undecoded", value=writer.dead_inserted)
        yield CounterMetricFamily("taptrail_insert_doubts", "Inserts that had to be looked up", value=writer.doubts)
        yield CounterMetricFamily("taptrail_pipeline_failures", "Batches put off", value=self._pipeline.failures)
        yield from self._audit()

    def _audit(self) -> Iterator[Metric]:
        audit, age_s = self._auditor.last, time.time() - self._auditor.audited_at
        # Anything but 0: run `taptrail audit`, then docs/runbook.md#audit. The next two say which of the three it is.
        yield GaugeMetricFamily("taptrail_ledger_gap", "Clicks missing or doubled in settled lanes", value=audit.wrong)
        yield GaugeMetricFamily("taptrail_audit_missing", "Clicks acknowledged and not in a table", value=audit.missing)
        yield GaugeMetricFamily("taptrail_audit_doubled", "Clicks in the tables twice", value=audit.doubled)
        yield GaugeMetricFamily("taptrail_audit_lanes", "Lanes the last audit looked at", value=audit.lanes)
        # Beyond a few minutes nobody would know of a loss: see whether ClickHouse and Redis answer.
        yield GaugeMetricFamily("taptrail_audit_age_seconds", "Since the last audit that was finished", value=age_s)
