"""For every alert: how the metrics go, when it is still quiet, and when it fires. Minutes from the start."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

E = 'job="edge", instance="e"'
A = 'job="aggregator", instance="a"'
C = 'job="control", instance="c"'
EDGE = {"job": "edge", "instance": "e"}
AGGREGATOR = {"job": "aggregator", "instance": "a"}
CONTROL = {"job": "control", "instance": "c"}


class Case(NamedTuple):
    series: dict[str, str]  # in promtool's notation, a value a minute
    quiet_at: int
    fires_at: int
    labels: Mapping[str, str] = MappingProxyType({})
    step_min: int = 1  # minutes from value to value


def turns(metric: str, labels: str, usual: int, bad: int) -> dict[str, str]:
    return {f"{metric}{{{labels}}}": f"{usual}x10 {bad}x20"}


def visits(unresolved: str, redirects: str = "0+6000x400") -> dict[str, str]:
    """6000 redirects a value; what else is counted stays 0."""
    return {
        f"taptrail_redirects_total{{{E}}}": redirects,
        f'taptrail_refusals_total{{{E}, reason="unresolved"}}': unresolved,
        f"taptrail_failed_visits_total{{{E}}}": "0x900",
        f"taptrail_clicks_unrecorded_total{{{E}}}": "0x900",
    }


def seconds(metric: str, labels: str, bound: str, below: str, all_: str) -> dict[str, str]:
    return {f'{metric}_bucket{{{labels}, le="{bound}"}}': below, f"{metric}_count{{{labels}}}": all_}


REDIRECTS = "taptrail_redirect_seconds"
CASES = {
    # 1 % of visits fail, for a quarter of an hour.
    "TaptrailAvailabilityBudgetBurns": Case(visits("0x200 0+60x60"), 200, 215),
    # 2 in 10,000, for two days.
    "TaptrailAvailabilityBudgetBurnsSlowly": Case(
        visits("0x432 0+12x400", "0+60000x900"), 4300, 7000, step_min=10
    ),
    "TaptrailLatencyBudgetBurns": Case(
        seconds(REDIRECTS, E, "0.1", "0+6000x200 1206000+5700x60", "0+6000x300"), 200, 225
    ),
    "TaptrailLatencyBudgetBurnsSlowly": Case(
        seconds(REDIRECTS, E, "0.1", "0+60000x432 25980000+59880x400", "0+60000x900"), 4300, 7000, step_min=10
    ),
    "TaptrailTargetDown": Case(turns("up", E, 1, 0), 10, 14, EDGE),
    "TaptrailProcessMissing": Case(
        {f"up{{{E}}}": "1x40", f"up{{{A}}}": "1x40", f"up{{{C}}}": "1x10 stale", f"taptrail_build_info{{{E}}}": "1x40"},
        10, 18, {"job": "control"},
    ),
    "TaptrailProcessRestarts": Case({f"process_start_time_seconds{{{E}}}": "1x10 2 3 4 5x10"}, 10, 15, EDGE),
    "TaptrailTwoVersions": Case(
        {'taptrail_build_info{version="1"}': "1x200", 'taptrail_build_info{version="2"}': "_x30 1x170"}, 100, 160
    ),
    "TaptrailEdgeShedding": Case(
        {f'taptrail_refusals_total{{{E}, reason="overloaded"}}': "0x10 0+5x10"}, 10, 15, EDGE
    ),
    "TaptrailEdgeFails": Case(turns("taptrail_failed_visits_total", E, 0, 3), 10, 12, EDGE),
    "TaptrailConnectionsFull": Case(
        turns("taptrail_connections", E, 100, 950) | turns("taptrail_connections_limit", E, 1000, 1000), 10, 17, EDGE
    ),
    "TaptrailRedisBreakerOpen": Case(turns("taptrail_redis_connected", E, 1, 0), 10, 13, EDGE),
    "TaptrailClickHouseBreakerOpen": Case(turns("taptrail_origin_answers", E, 1, 0), 10, 13, EDGE),
    "TaptrailScanned": Case({f'taptrail_refusals_total{{{E}, reason="scanning"}}': "0x10 0+1200x60"}, 10, 60),
    "TaptrailControlFails": Case(
        {
            f'taptrail_control_requests_total{{{C}, status="200"}}': "0+60x60",
            f'taptrail_control_requests_total{{{C}, status="503"}}': "0x10 0+60x30",
        },
        10,
        30,
    ),
    "TaptrailChangesNotInForce": Case(turns("taptrail_control_dirty_records", C, 0, 2), 10, 17, CONTROL),
    "TaptrailSpoolFilling": Case(turns("taptrail_spool_bytes", E, 1000, 3_000_000_000), 10, 13, EDGE),
    # 2 MB/s: 5,000 clicks/s while ClickHouse is away.
    "TaptrailSpoolFullSoon": Case(
        {f"taptrail_spool_bytes{{{E}}}": "300000000x20 300000000+120000000x30"}, 20, 45, EDGE
    ),
    "TaptrailSpoolDiskFull": Case(
        turns("taptrail_spool_disk_free_bytes", E, 50, 10) | turns("taptrail_spool_disk_size_bytes", E, 100, 100),
        10,
        14,
        EDGE,
    ),
    "TaptrailSpoolRefused": Case(turns("taptrail_unspooled_bytes", E, 0, 500), 10, 13, EDGE),
    "TaptrailClicksUnrecorded": Case(turns("taptrail_clicks_unrecorded_total", E, 0, 5), 10, 12, EDGE),
    "TaptrailClicksLate": Case(turns("taptrail_oldest_unsettled_seconds", E, 1, 200), 10, 15),
    "TaptrailFreshnessBudgetBurns": Case(
        seconds("taptrail_click_delay_seconds", A, "10.0", "0+100x60 6000x20", "0+100x80"), 60, 75
    ),
    "TaptrailAggregatorStalled": Case(turns("taptrail_since_last_batch_seconds", A, 1, 100), 10, 13, AGGREGATOR),
    "TaptrailLanesUnowned": Case(
        turns("taptrail_lanes_owned", A, 2, 1) | turns("taptrail_lanes_registered", A, 2, 2), 10, 13
    ),
    "TaptrailLanesOwnedTwice": Case(
        turns("taptrail_lanes_owned", A, 2, 2)
        | turns("taptrail_lanes_owned", 'instance="b"', 0, 1)
        | turns("taptrail_lanes_registered", A, 2, 2),
        10,
        13,
    ),
    "TaptrailLaneSilent": Case(turns("taptrail_lanes_silent", A, 0, 1), 10, 14),
    "TaptrailRedisFull": Case(
        turns("taptrail_lane_room_bytes", E, 33_554_432, 1_048_576) | turns("taptrail_clicks_waiting", E, 9, 500),
        10,
        17,
        EDGE,
    ),
    "TaptrailInsertsDoubted": Case({f"taptrail_insert_doubts_total{{{A}}}": "0x10 0+2x20"}, 12, 25),
    "TaptrailDeadLetters": Case(turns("taptrail_dead_clicks_total", A, 0, 3), 10, 12),
    "TaptrailClicksLost": Case(turns("taptrail_clicks_lost_total", A, 0, 3), 10, 12),
    "TaptrailLedgerGap": Case(turns("taptrail_ledger_gap", A, 0, 1), 10, 13),
    "TaptrailClicksMissing": Case(turns("taptrail_audit_missing", A, 0, 1), 10, 13),
    "TaptrailClicksDoubled": Case(turns("taptrail_audit_doubled", A, 0, 1), 10, 13),
    "TaptrailErasureWaits": Case({f"taptrail_erasure_waiting_seconds{{{A}}}": "0x10 22000x30"}, 10, 25),
    "TaptrailAuditOld": Case(turns("taptrail_audit_age_seconds", A, 30, 400), 10, 14),
    "TaptrailGeoOld": Case({f"taptrail_geo_age_days{{{A}}}": "44.9x20 45.1x200"}, 80, 82),
}  # fmt: skip
