"""Engagement of one broadcast: people, not preview bots. A click here is a visit sent to the link's own destination."""

# ruff: noqa: S608 - statements are put together from the constants of this module alone

import asyncio
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

T = TypeVar("T")


class Classes(msgspec.Struct):
    human: int
    preview: int
    prefetch: int
    scanner: int
    bot: int
    unknown: int


class SecondsToTap(msgspec.Struct):
    """From sent_at, or the first minting without one, to each contact's first human click since; null without any."""

    median: float | None
    p90: float | None


class AudienceRow(msgspec.Struct):
    audience: str
    links: int
    clicks: int
    unique_contacts: int
    click_through_rate: float


class DestinationRow(msgspec.Struct):
    destination_index: int
    links: int
    clicks: int
    unique_contacts: int
    click_through_rate: float
    destination_version: int  # the version in the broadcast's history that put it in force
    in_force: bool
    destination: str = ""  # a template, as those taps found it


class DeviceRow(msgspec.Struct):
    device_type: str
    clicks: int


class CountryRow(msgspec.Struct):
    country: str
    clicks: int


class HourRow(msgspec.Struct):
    hour: datetime
    clicks: int


class Report(msgspec.Struct, kw_only=True):
    broadcast_id: str
    links: int
    contacts: int
    clicks: Classes
    unique_contacts: int
    click_through_rate: float
    seconds_to_tap: SecondsToTap
    by_audience: list[AudienceRow]
    by_device: list[DeviceRow]
    by_country: list[CountryRow]
    by_destination: list[DestinationRow]
    by_hour: list[HourRow]
    passed_on_links: int  # personal links that more people tapped than one can be


# A visitor is an address and a browser on one day. One person may well be three of them: at home, on the way, in the
# browser inside the messaging app. Where one link went to many recipients they are soon more.
VISITORS_OF_ONE_PERSON = 3

_HERE = "account = {account:String} AND broadcast_id = {id:String}"
_CLICKS = f"FROM clicks WHERE {_HERE} AND counted"
_PEOPLE = f"FROM clicks WHERE {_HERE} AND engaged"
_CLASS_COUNTS = ", ".join(f"countIf(visit_class = '{name}') AS {name}" for name in Classes.__struct_fields__)
_LINKS = f"""
SELECT links, contacts, unique_contacts, click_through_rate FROM broadcast_report WHERE {_HERE}
"""
_SECONDS = f"""
SELECT quantilesExactOrNull(0.5, 0.9)(seconds) FROM
(
    SELECT (toUnixTimestamp64Milli(min(clicked_at)) - {{sent:Int64}}) / 1000 AS seconds
    {_PEOPLE} AND contact_id != '' AND clicked_at >= fromUnixTimestamp64Milli({{sent:Int64}}) GROUP BY contact_id
)
"""
# The salt of visitor ids changes with the UTC day: over several days everybody is somebody else.
_PASSED_ON = f"""
SELECT uniqExact(link_id) FROM
(
    SELECT link_id {_PEOPLE} AND contact_id != ''
    GROUP BY link_id, toDate(clicked_at)
    HAVING uniqUpTo({VISITORS_OF_ONE_PERSON})(visitor_id) > {VISITORS_OF_ONE_PERSON}
)
"""
# broadcast_no as well: its index leaves out most of the table.
_FIRST_MINTED = f"""
SELECT toUnixTimestamp64Milli(minOrNull(minted_at)) FROM links WHERE {_HERE} AND broadcast_no = {{no:UInt64}}
"""


# The destinations after each change of them.
_FORMER = """
SELECT version, JSONExtract(after, 'destinations', 'Array(String)') AS destinations FROM changes
WHERE kind = 'broadcast' AND account = {account:String} AND name = {id:String} AND JSONHas(after, 'destinations')
ORDER BY version
"""


class _Former(msgspec.Struct):
    version: int
    destinations: tuple[str, ...]


class _Total(msgspec.Struct):
    links: int
    contacts: int
    unique_contacts: int
    click_through_rate: float


def _grouped(view: str, columns: str, more: str = "account") -> str:
    return f"""
    SELECT {columns}, {more}, links, human_clicks AS clicks, unique_contacts, click_through_rate
    FROM {view} WHERE {_HERE} ORDER BY links DESC, {columns}
    """


def _counted(expression: str, name: str, order: str) -> str:
    return f"SELECT {expression} AS {name}, count() AS clicks {_PEOPLE} GROUP BY {name} ORDER BY {order} LIMIT 10000"


async def read_report(clickhouse: ClickHouse, broadcast: Broadcast) -> Report:
    """As of now. Contacts are counted exactly."""

    async def rows(sql: str, row: type[T]) -> list[T]:
        return await clickhouse.rows(sql, row, account=broadcast.account, id=broadcast.broadcast_id)

    totals, classes, seconds, passed_on = await asyncio.gather(
        rows(_LINKS, _Total),
        rows(f"SELECT {_CLASS_COUNTS} {_CLICKS}", Classes),
        _seconds_to_tap(clickhouse, broadcast),
        clickhouse.value(_PASSED_ON, account=broadcast.account, id=broadcast.broadcast_id),
    )
    audiences, destinations, devices, countries, hours = await asyncio.gather(
        rows(_grouped("audience_report", "audience"), AudienceRow),
        rows(_grouped("destination_report", "destination_index, destination_version", "in_force"), DestinationRow),
        rows(_counted("device_type", "device_type", "clicks DESC, device_type"), DeviceRow),
        rows(_counted("country", "country", "clicks DESC, country"), CountryRow),
        rows(_counted("formatDateTime(clicked_at, '%Y-%m-%dT%H:00:00Z', 'UTC')", "hour", "hour"), HourRow),
    )
    total = totals[0] if totals else _Total(0, 0, 0, 0.0)
    return Report(
        broadcast_id=broadcast.broadcast_id,
        **msgspec.structs.asdict(total),
        clicks=classes[0],
        seconds_to_tap=seconds,
        by_audience=audiences,
        by_device=devices,
        by_country=countries,
        by_destination=await _with_urls(clickhouse, broadcast, destinations),
        by_hour=hours,
        passed_on_links=passed_on,
    )


async def _seconds_to_tap(clickhouse: ClickHouse, broadcast: Broadcast) -> SecondsToTap:
    here = {"account": broadcast.account, "id": broadcast.broadcast_id}
    sent_ms = broadcast.sent_at_ms or await clickhouse.value(_FIRST_MINTED, no=broadcast.broadcast_no, **here)
    if sent_ms is None:
        return SecondsToTap(None, None)
    quantiles: list[Any] = await clickhouse.value(_SECONDS, sent=sent_ms, **here)
    return SecondsToTap(*quantiles) if quantiles else SecondsToTap(None, None)


async def _with_urls(clickhouse: ClickHouse, broadcast: Broadcast, found: list[DestinationRow]) -> list[DestinationRow]:
    """Each with its template, as it was when its taps found it."""
    former = []
    if not all(row.in_force for row in found):
        former = await clickhouse.rows(_FORMER, _Former, account=broadcast.account, id=broadcast.broadcast_id)
    for row in found:
        row.destination = _template(row, broadcast, former)
    return found


def _template(row: DestinationRow, broadcast: Broadcast, former: list[_Former]) -> str:
    known = broadcast.destinations
    if not row.in_force:
        known = next((one.destinations for one in former if one.version == row.destination_version), ())
    return known[row.destination_index] if row.destination_index < len(known) else ""
