"""Engagement of one broadcast, of several side by side, and of an account: people, not preview bots."""

import asyncio
from datetime import UTC, datetime
from typing import Any, TypeVar

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
    TimeRow,
    WeekdayHourRow,
)
from control.reports.steps import step_for
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


class _Questions:
    """What is asked of one broadcast, narrowed as its filters say."""

    def __init__(self, clickhouse: ClickHouse, broadcast: Broadcast, filters: Filters) -> None:
        self._clickhouse, self.broadcast = clickhouse, broadcast
        self._here = {"account": broadcast.account, "id": broadcast.broadcast_id}
        self._narrowed, self.whole_links = narrowing(filters), narrowing(of_links(filters))
        self._all_of_class = int(filters.visit_class is not None)

    async def sent_ms(self) -> int:
        """Unix milliseconds of the send, or of the first minting where nobody has said when; 0 before both."""
        if self.broadcast.sent_at_ms:
            return self.broadcast.sent_at_ms
        no = self.broadcast.broadcast_no
        return await self._clickhouse.value(statements.FIRST_MINTED, no=no, **self._here) or 0

    async def rows(self, sql: str, row: type[T], narrowed: str | None = None, **params: object) -> list[T]:
        return await self._clickhouse.rows(
            self._whole(sql, narrowed), row, **self._here, **params, all=self._all_of_class
        )  # fmt: skip

    async def number(self, sql: str, narrowed: str | None = None) -> int:
        return int(await self._clickhouse.value(self._whole(sql, narrowed), **self._here))

    def _whole(self, sql: str, narrowed: str | None) -> str:
        return f"{sql} {self._narrowed if narrowed is None else narrowed}"


async def read_report(
    clickhouse: ClickHouse, broadcast: Broadcast, tz: str | None = None, filters: Filters = NONE
) -> Report:
    """As of now. Contacts are counted by a hash of 64 bits, which is no estimate.

    tz: a zone that ClickHouse knows; without it that of the broadcast.
    """
    tz, ask = tz or broadcast.timezone, _Questions(clickhouse, broadcast, filters)
    sent_ms = await ask.sent_ms()
    totals, classes, seconds, visitors, previews, passed_on = await asyncio.gather(
        ask.rows(statements.TOTAL, _Total),
        ask.rows(statements.CLASSES, Classes),
        ask.rows(statements.SECONDS, _Seconds, sent=sent_ms),
        ask.number(statements.VISITORS),
        ask.number(statements.PREVIEWS),
        ask.number(statements.PASSED_ON, ask.whole_links),
    )
    reasons, forwarded, canaries, segments, warnings = await asyncio.gather(
        ask.rows(statements.BY_REASON, ReasonRow),
        ask.rows(statements.FORWARDED, Forwarded, ask.whole_links),
        ask.rows(statements.CANARIES, Canaries, ask.whole_links),
        ask.rows(statements.SEGMENTS, Segments, ""),
        ask.rows(statements.WARNINGS, WarningRow, ask.whole_links, sent=sent_ms),
    )
    total = totals[0] if totals else _Total(0, 0, 0, 0.0)
    beyond = 0 if ask.whole_links else max(0, segments[0].messages - total.contacts)  # segments are never narrowed
    return Report(
        broadcast_id=broadcast.broadcast_id,
        sent_at=datetime.fromtimestamp(sent_ms / 1000, UTC) if sent_ms else None,
        **msgspec.structs.asdict(total),
        clicks=classes[0],
        seconds_to_tap=_seconds_to_tap(seconds[0]) if sent_ms else SecondsToTap(None, None, []),
        **await _by_what_clicks_have(clickhouse, ask),
        **await _by_place_and_time(ask, sent_ms, tz),
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


async def _by_what_clicks_have(clickhouse: ClickHouse, ask: _Questions) -> dict[str, Any]:
    audiences, destinations, rules, devices, systems, browsers = await asyncio.gather(
        ask.rows(statements.BY_AUDIENCE, AudienceRow),
        ask.rows(statements.BY_DESTINATION, DestinationRow),
        ask.rows(statements.BY_RULE, RuleRow),
        ask.rows(statements.BY_DEVICE, DeviceRow),
        ask.rows(statements.BY_OS, OsRow),
        ask.rows(statements.BY_BROWSER, BrowserRow),
    )
    return {
        "by_audience": audiences,
        "by_destination": await _with_urls(clickhouse, ask.broadcast, destinations),
        "by_rule": rules,
        "by_device": devices,
        "by_os": systems,
        "by_browser": browsers,
    }


async def _by_place_and_time(ask: _Questions, sent_ms: int, tz: str) -> dict[str, Any]:
    countries, regions, hours, since_send, weekday_hours, by_time = await asyncio.gather(
        ask.rows(statements.BY_COUNTRY, CountryRow),
        ask.rows(statements.BY_REGION, RegionRow),
        ask.rows(statements.BY_HOUR, HourRow),
        ask.rows(statements.BY_HOUR_SINCE_SEND, SinceSendRow, sent=sent_ms),
        ask.rows(statements.BY_WEEKDAY_HOUR, WeekdayHourRow, tz=tz),
        _by_time(ask, tz),
    )
    return {
        "by_country": countries,
        "by_region": regions,
        "by_hour": hours,
        "by_hour_since_send": since_send if sent_ms else [],
        "by_time": by_time,
        "by_weekday_hour": weekday_hours,
    }


async def _by_time(ask: _Questions, tz: str) -> list[TimeRow]:
    step_s = step_for(await ask.number(statements.SPAN))
    return await ask.rows(statements.BY_TIME, TimeRow, tz=tz, step=step_s)


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
