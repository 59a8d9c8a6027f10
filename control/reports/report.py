"""Engagement of one broadcast, of several side by side, and of an account: people, not preview bots."""

import asyncio
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from control.reports import statements
from control.reports.filters import NONE, Filters, narrowing, of_links
from control.reports.shapes import (
    AccountReport,
    AccountRow,
    AudienceRow,
    BrowserRow,
    Canaries,
    Classes,
    CountryRow,
    DestinationRow,
    DeviceRow,
    Forwarded,
    HourRow,
    OsRow,
    ReasonRow,
    RegionRow,
    Report,
    RuleRow,
    SecondsToTap,
    Segments,
    ShareRow,
    SinceSendRow,
    WeekdayHourRow,
)
from control.reports.warnings import WarningRow, ranked
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

T = TypeVar("T")


class _Former(msgspec.Struct):
    version: int
    destinations: tuple[str, ...]


class _Total(msgspec.Struct):
    links: int
    contacts: int
    unique_contacts: int
    click_through_rate: float


class _Seconds(msgspec.Struct):
    quantiles: list[float | None]  # median and 90 %
    contacts: int
    within: list[int]


async def read_report(
    clickhouse: ClickHouse, broadcast: Broadcast, tz: str | None = None, filters: Filters = NONE
) -> Report:
    """As of now. Contacts are counted exactly. tz: a zone that ClickHouse knows; without it that of the broadcast."""
    tz = tz or broadcast.timezone
    here = {"account": broadcast.account, "id": broadcast.broadcast_id}
    sent_ms = broadcast.sent_at_ms or await clickhouse.value(statements.FIRST_MINTED, no=broadcast.broadcast_no, **here)
    narrowed, all_of_class = narrowing(filters), int(filters.visit_class is not None)
    whole_links = narrowing(of_links(filters))

    async def rows(sql: str, row: type[T], narrowed: str = narrowed, **params: object) -> list[T]:
        return await clickhouse.rows(f"{sql} {narrowed}", row, **here, **params, all=all_of_class)

    async def number(sql: str, narrowed: str) -> int:
        return int(await clickhouse.value(f"{sql} {narrowed}", **here))

    totals, classes, seconds, visitors, previews, passed_on = await asyncio.gather(
        rows(statements.TOTAL, _Total),
        rows(statements.CLASSES, Classes),
        rows(statements.SECONDS, _Seconds, sent=sent_ms or 0),
        number(statements.VISITORS, narrowed),
        number(statements.PREVIEWS, narrowed),
        number(statements.PASSED_ON, whole_links),
    )
    forwarded, canaries, segments, warnings = await asyncio.gather(
        rows(statements.FORWARDED, Forwarded, whole_links),
        rows(statements.CANARIES, Canaries, whole_links),
        rows(statements.SEGMENTS, Segments, ""),
        rows(statements.WARNINGS, WarningRow, whole_links, sent=sent_ms or 0),
    )
    audiences, destinations, rules, devices, systems, browsers = await asyncio.gather(
        rows(statements.BY_AUDIENCE, AudienceRow),
        rows(statements.BY_DESTINATION, DestinationRow),
        rows(statements.BY_RULE, RuleRow),
        rows(statements.BY_DEVICE, DeviceRow),
        rows(statements.BY_OS, OsRow),
        rows(statements.BY_BROWSER, BrowserRow),
    )
    countries, regions, hours, since_send, weekday_hours, reasons = await asyncio.gather(
        rows(statements.BY_COUNTRY, CountryRow),
        rows(statements.BY_REGION, RegionRow),
        rows(statements.BY_HOUR, HourRow),
        rows(statements.BY_HOUR_SINCE_SEND, SinceSendRow, sent=sent_ms or 0),
        rows(statements.BY_WEEKDAY_HOUR, WeekdayHourRow, tz=tz),
        rows(statements.BY_REASON, ReasonRow),
    )
    total = totals[0] if totals else _Total(0, 0, 0, 0.0)
    beyond = 0 if whole_links else max(0, segments[0].messages - total.contacts)  # segments are never narrowed
    return Report(
        broadcast_id=broadcast.broadcast_id,
        sent_at=datetime.fromtimestamp(sent_ms / 1000, UTC) if sent_ms else None,
        **msgspec.structs.asdict(total),
        clicks=classes[0],
        seconds_to_tap=_seconds_to_tap(seconds[0]) if sent_ms else SecondsToTap(None, None, []),
        by_audience=audiences,
        by_device=devices,
        by_os=systems,
        by_browser=browsers,
        by_country=countries,
        by_region=regions,
        by_destination=await _with_urls(clickhouse, broadcast, destinations),
        by_rule=rules,
        by_hour=hours,
        by_hour_since_send=since_send if sent_ms else [],
        by_weekday_hour=weekday_hours,
        tz=tz,
        by_reason=reasons,
        visitors=visitors,
        previews_delivered=previews,
        passed_on_links=passed_on,
        forwarded=forwarded[0],
        canaries=canaries[0] if canaries else Canaries(),
        segments=segments[0],
        warnings=ranked([*warnings, WarningRow("passed-on-links", passed_on), WarningRow("composed-again", beyond)]),
    )


async def read_account_report(clickhouse: ClickHouse, account: str) -> AccountReport:
    classes, by_account = await asyncio.gather(
        clickhouse.rows(statements.ACCOUNT_CLASSES, Classes, account=account),
        clickhouse.rows(statements.BY_ACCOUNT, AccountRow, account=account),
    )
    contacts, unique_contacts = sum(row.contacts for row in by_account), sum(row.unique_contacts for row in by_account)
    return AccountReport(
        account=account,
        broadcasts=sum(row.broadcasts for row in by_account),
        links=sum(row.links for row in by_account),
        contacts=contacts,
        clicks=classes[0],
        unique_contacts=unique_contacts,
        click_through_rate=unique_contacts / contacts if contacts else 0.0,
        by_account=by_account,
    )


def _seconds_to_tap(found: _Seconds) -> SecondsToTap:
    if not found.contacts:
        return SecondsToTap(None, None, [])
    marks = zip(statements.SECONDS_MARKS, found.within, strict=True)
    median, p90 = found.quantiles
    return SecondsToTap(median, p90, [ShareRow(mark, within / found.contacts) for mark, within in marks])


async def _with_urls(clickhouse: ClickHouse, broadcast: Broadcast, found: list[DestinationRow]) -> list[DestinationRow]:
    """Each with its template, as it was when its taps found it."""
    former = []
    if not all(row.in_force for row in found):
        here = {"account": broadcast.account, "id": broadcast.broadcast_id}
        former = await clickhouse.rows(statements.FORMER, _Former, **here)
    for row in found:
        row.destination = _template(row, broadcast, former)
    return found


def _template(row: DestinationRow, broadcast: Broadcast, former: list[_Former]) -> str:
    known = broadcast.destinations
    if not row.in_force:
        known = next((one.destinations for one in former if one.version == row.destination_version), ())
    return known[row.destination_index] if row.destination_index < len(known) else ""
