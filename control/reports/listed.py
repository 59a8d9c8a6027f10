"""The lists of a report out of the rows that one statement gives for all of them. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from control.reports.shapes import (
    BrowserRow,
    CountryRow,
    DeviceRow,
    HourRow,
    OsRow,
    ReasonRow,
    RegionRow,
    SinceSendRow,
    TimeRow,
    WeekdayHourRow,
)
from control.reports.statements import LISTS

MOST_STEPS = 10_000
# Each has the columns of its list as its first fields, and clicks as the last one.
_ROWS: dict[str, Any] = {
    "by_device": DeviceRow, "by_os": OsRow, "by_browser": BrowserRow, "by_country": CountryRow, "by_region": RegionRow,
    "by_reason": ReasonRow, "by_hour_since_send": SinceSendRow, "by_weekday_hour": WeekdayHourRow,
}  # fmt: skip


class Counted(msgspec.Struct):
    """A row of LISTED."""

    list: str
    device_type: str
    os: str
    browser: str
    country: str
    region: str
    visit_class: str
    reason: str
    began: int  # Unix seconds
    since_send: int  # whole hours
    weekday: int
    hour: int
    step: int  # seconds by the clock in the zone
    people: int
    machines: int
    unknown: int
    clicks: int


def lists_of(rows: Iterable[Counted], step_s: int) -> dict[str, list[Any]]:
    """All lists by name, those without a row as well."""
    found: dict[str, list[Counted]] = {name: [] for name in LISTS}
    for row in rows:
        found[row.list].append(row)
    lists: dict[str, list[Any]] = {
        name: [kind(*(getattr(row, column) for column in LISTS[name]), row.clicks) for row in found[name]]
        for name, kind in _ROWS.items()
    }
    lists["by_hour"] = [HourRow(datetime.fromtimestamp(row.began, UTC), row.clicks) for row in found["by_hour"]]
    lists["by_time"] = list(_steps(found["by_time"], step_s))
    return lists


def _steps(rows: list[Counted], step_s: int) -> Iterator[TimeRow]:
    """Also those without a visit between the first and the last."""
    of_step = {row.step: row for row in rows}
    last = min(max(of_step, default=-1), min(of_step, default=0) + step_s * (MOST_STEPS - 1))
    for step in range(min(of_step, default=0), last + 1, step_s):
        begins_at = datetime(1970, 1, 1) + timedelta(seconds=step)
        row = of_step.get(step)
        counts = (row.people, row.machines, row.unknown) if row else (0, 0, 0)
        yield TimeRow(begins_at, step_s, *counts)
