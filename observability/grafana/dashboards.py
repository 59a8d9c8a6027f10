# ruff: noqa: E501, S608 - expressions stay in one piece; no input reaches a query
"""Writes dashboards for Grafana: a panel is a title, a unit and what it asks. `make dashboards`.

Twice: beside this file for Compose, and for Kubernetes into its component, as Kustomize reads no file outside of one.
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDERS = (HERE / "dashboards", HERE.parents[1] / "k8s/components/grafana")
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "clickhouse"}
TABLE = 1  # of the plugin's formats
Panel = tuple[str, str, list[str]]  # title, unit, expressions or one query

REDIRECTS: list[Panel] = [
    ("Redirects by status", "reqps", ["sum by (status, link) (rate(taptrail_redirects_total[$__rate_interval]))"]),
    ("Refusals by reason", "reqps", ["sum by (reason) (rate(taptrail_refusals_total[$__rate_interval]))"]),
    ("Share of visits that failed", "percentunit", ["taptrail:unavailable:ratio_rate5m", "taptrail:unavailable:ratio_rate6h"]),
    ("Share of visits slower than 0.1 s", "percentunit", ["taptrail:slow:ratio_rate5m", "taptrail:slow:ratio_rate6h"]),
    ("Time of a redirect, p50 and p99", "s", [
        f"histogram_quantile({q}, sum by (le) (rate(taptrail_redirect_seconds_bucket[$__rate_interval])))"
        for q in (0.5, 0.99)
    ]),
    ("Mean time by stage", "s", [
        "sum by (stage) (rate(taptrail_redirect_stage_seconds_sum[$__rate_interval]))"
        " / sum by (stage) (rate(taptrail_redirect_stage_seconds_count[$__rate_interval]))"
    ]),
    ("Look-ups by layer", "ops", ["sum by (layer) (rate(taptrail_lookups_total[$__rate_interval]))"]),
    ("Queries of ClickHouse, p99", "s", [
        "histogram_quantile(0.99, sum by (le) (rate(taptrail_origin_query_seconds_bucket[$__rate_interval])))"
    ]),
    ("Stores that answer, by edge", "bool", ["taptrail_redis_connected", "taptrail_origin_answers"]),
    ("Connections, and those waiting", "short", ["taptrail_connections", "taptrail_accept_queue_connections"]),
    ("Turned away", "reqps", ["sum(rate(taptrail_connections_shed_total[$__rate_interval]))", "max(taptrail_shed_ratio)"]),
    ("CPU and memory", "short", [
        "rate(process_cpu_seconds_total[$__rate_interval])", "process_resident_memory_bytes / 1048576"
    ]),
]  # fmt: skip
PIPELINE: list[Panel] = [
    ("Age of the oldest click not in ClickHouse", "s", ["max(taptrail_oldest_unsettled_seconds)", "max(taptrail_oldest_waiting_seconds)"]),
    ("Tap to row, p50 and p99", "s", [
        f"histogram_quantile({q}, sum by (le) (rate(taptrail_click_delay_seconds_bucket[$__rate_interval])))"
        for q in (0.5, 0.99)
    ]),
    ("Clicks on edges, and in Redis", "short", ["sum(taptrail_clicks_waiting)", "sum(taptrail_stream_lag_clicks)"]),
    ("Lag of the streams", "s", ["max(taptrail_stream_lag_seconds)", "max(taptrail_since_last_batch_seconds)"]),
    ("Spool by edge", "bytes", ["taptrail_spool_bytes", "taptrail_unspooled_bytes"]),
    ("Disk left for spools", "percentunit", ["taptrail_spool_disk_free_bytes / taptrail_spool_disk_size_bytes"]),
    ("Rows inserted", "wps", ["sum(rate(taptrail_rows_inserted_total[$__rate_interval]))"]),
    ("Insert time, p99, and mean rows", "short", [
        "histogram_quantile(0.99, sum by (le) (rate(taptrail_insert_seconds_bucket[$__rate_interval])))",
        "sum(rate(taptrail_insert_rows_sum[$__rate_interval])) / sum(rate(taptrail_insert_rows_count[$__rate_interval]))",
    ]),
    ("Lanes", "short", ["sum(taptrail_lanes_owned)", "max(taptrail_lanes_registered)", "max(taptrail_lanes_silent)"]),
    ("Doubts, look-ups, failures", "ops", [
        "sum(increase(taptrail_insert_doubts_total[5m]))", "sum(increase(taptrail_verifications_total[5m]))",
        "sum(increase(taptrail_pipeline_failures_total[5m]))",
    ]),
    ("Dead letters, and clicks lost", "short", [
        "sum(increase(taptrail_dead_clicks_total[1h]))", "sum(increase(taptrail_clicks_unrecorded_total[1h]))"
    ]),
    ("Ledger and audit", "short", [
        "max(taptrail_ledger_gap)", "max(taptrail_audit_missing)", "max(taptrail_audit_doubled)",
        "min(taptrail_audit_age_seconds)",
    ]),
]  # fmt: skip
_HUMAN = "engaged AND $__timeFilter(clicked_at)"
ENGAGEMENT: list[Panel] = [
    ("Broadcasts", "short", [
        "SELECT account, broadcast_id, links, contacts, human_clicks, unique_contacts, click_through_rate"
        " FROM broadcast_report ORDER BY last_human_click_at DESC LIMIT 100"
    ]),
    ("Human clicks by hour", "short", [
        f"SELECT toStartOfHour(clicked_at) AS time, count() AS clicks FROM clicks WHERE {_HUMAN} GROUP BY time ORDER BY time"
    ]),
    ("Audiences", "short", [
        "SELECT broadcast_id, audience, links, human_clicks, unique_contacts, click_through_rate"
        " FROM audience_report ORDER BY unique_contacts DESC LIMIT 100"
    ]),
    ("Devices", "short", [
        f"SELECT device_type, os, count() AS clicks FROM clicks WHERE {_HUMAN} GROUP BY device_type, os ORDER BY clicks DESC"
    ]),
    ("Countries of the networks", "short", [
        f"SELECT country, count() AS clicks, uniq(visitor_id) AS visitors FROM clicks WHERE {_HUMAN}"
        " GROUP BY country ORDER BY clicks DESC"
    ]),
    ("Who taps", "short", [
        "SELECT toString(visit_class) AS class, count() AS clicks FROM clicks"
        " WHERE NOT is_canary AND $__timeFilter(clicked_at) GROUP BY class ORDER BY clicks DESC"
    ]),
    ("Personal links tapped by more people than one can be", "short", [
        f"SELECT account, broadcast_id, contact_id, code, toDate(clicked_at) AS day, uniqExact(visitor_id) AS visitors"
        f" FROM clicks WHERE {_HUMAN} AND contact_id != '' GROUP BY account, broadcast_id, contact_id, code, day"
        " HAVING visitors > 3 ORDER BY visitors DESC LIMIT 100"
    ]),
    ("Forwarded links", "short", [
        "SELECT account, broadcast_id, count() AS links, sum(other_clicks) AS taps FROM forwarded_links"
        " GROUP BY account, broadcast_id ORDER BY links DESC LIMIT 100"
    ]),
    ("Canaries", "short", [
        "SELECT account, broadcast_id, links, tapped, scan_rate, scan_rate_95, judged_human, miss_rate, miss_rate_95"
        " FROM canary_report ORDER BY tapped DESC LIMIT 100"
    ]),
]  # fmt: skip


def targets(asked: list[str], source: dict[str, str]) -> list[dict[str, Any]]:
    letters = "ABCDEFGH"
    if source is PROMETHEUS:
        return [{"refId": ref, "datasource": source, "expr": query} for ref, query in zip(letters, asked, strict=False)]
    sql = {"editorType": "sql", "queryType": "table", "format": TABLE}
    return [{"refId": "A", "datasource": source, "rawSql": query, **sql} for query in asked]


def dashboard(uid: str, title: str, panels: list[Panel], source: dict[str, str]) -> dict[str, Any]:
    """Two panels a row."""
    drawn = [
        {
            "id": index + 1,
            "type": "timeseries" if source is PROMETHEUS else "table",
            "title": name,
            "datasource": source,
            "gridPos": {"x": index % 2 * 12, "y": index // 2 * 8, "w": 12, "h": 8},
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            "targets": targets(asked, source),
        }
        for index, (name, unit, asked) in enumerate(panels)
    ]
    return {
        "uid": uid,
        "title": title,
        "tags": ["taptrail"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h" if source is PROMETHEUS else "now-30d", "to": "now"},
        "panels": drawn,
    }


DASHBOARDS = {
    "redirects": dashboard("taptrail-redirects", "Taptrail: redirects", REDIRECTS, PROMETHEUS),
    "pipeline": dashboard("taptrail-pipeline", "Taptrail: clicks on their way", PIPELINE, PROMETHEUS),
    "engagement": dashboard("taptrail-engagement", "Taptrail: engagement", ENGAGEMENT, CLICKHOUSE),
}


def written() -> dict[Path, str]:
    return {
        folder / f"{name}.json": json.dumps(board, indent=1) + "\n"
        for folder in FOLDERS
        for name, board in DASHBOARDS.items()
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
