"""Engagement of one broadcast: people, not preview bots."""

import asyncio
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from control.reports import statements
from control.reports.filters import NONE, Filters, narrowing, of_links
from control.reports.listed import Counted, lists_of
from control.reports.minted import MintedCounts, MintedLinks
from control.reports.shapes import (
    Canaries,
    Classes,
    DestinationRow,
    Forwarded,
    Report,
    RuleRow,
    SecondsToTap,
    Segments,
    ShareRow,
)
from control.reports.steps import step_for
from control.reports.tapped import Former, Tapped, audiences_of, destinations_of, named
from control.reports.warnings import WarningRow, ranked
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

T = TypeVar("T")


class _Visits(Classes):
    visitors: int
    span_s: int


class _People(msgspec.Struct):
    unique_contacts: int
    previews_delivered: int
    quantiles: list[float | None]  # median and 90 %
    contacts: int  # with a tap since the send
    within: list[int]


class _Links(Forwarded):
    passed_on_links: int


class _Composed(Segments):
    by_warning: dict[str, int]


class Reports:
    """Reads reports; what was minted of a broadcast stays in memory."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse, self._minted = clickhouse, MintedCounts(clickhouse)

    async def read(self, broadcast: Broadcast, tz: str | None = None, filters: Filters = NONE) -> Report:
        """As of now. Contacts are counted by a hash of 64 bits, which is no estimate.

        tz: a zone that ClickHouse knows; without it that of the broadcast.
        """
        tz, ask = tz or broadcast.timezone, _Questions(self._clickhouse, broadcast, filters)
        minted, visits = await asyncio.gather(
            self._minted.of(broadcast, filters), ask.one(statements.VISITS, _Visits)
        )  # fmt: skip
        sent_ms, step_s = broadcast.sent_at_ms or minted.first_ms or 0, step_for(visits.span_s)
        people, links, tapped, listed = await asyncio.gather(
            ask.one(statements.PEOPLE, _People, sent=sent_ms),
            ask.one(statements.LINKS, _Links, ask.whole_links),
            ask.rows(statements.TAPPED, Tapped),
            ask.rows(statements.LISTED, Counted, sent=sent_ms, tz=tz, step=step_s),
        )
        destinations, composed, warnings, canaries = await asyncio.gather(
            ask.named(destinations_of(tapped, minted, broadcast)),
            ask.one(statements.SEGMENTS, _Composed, ""),
            ask.rows(statements.WARNINGS, WarningRow, ask.whole_links, sent=sent_ms),
            ask.canaries(minted),
        )
        warnings += _more_warnings(composed, links, None if ask.whole_links else minted.all.contacts)
        return Report(
            broadcast_id=broadcast.broadcast_id,
            sent_at=datetime.fromtimestamp(sent_ms / 1000, UTC) if sent_ms else None,
            **_totals(minted, visits, people, links),
            **_lists(lists_of(listed, step_s), sent_ms),
            seconds_to_tap=_seconds_to_tap(people if sent_ms else None),
            by_audience=audiences_of(tapped, minted),
            by_destination=destinations,
            tz=tz,
            canaries=canaries,
            segments=_part(composed, Segments),
            warnings=ranked(warnings),
        )


class _Questions:
    """What is asked of one broadcast, narrowed as its filters say."""

    def __init__(self, clickhouse: ClickHouse, broadcast: Broadcast, filters: Filters) -> None:
        self._clickhouse, self._broadcast = clickhouse, broadcast
        self._here = {"account": broadcast.account, "id": broadcast.broadcast_id}
        self._narrowed, self.whole_links = narrowing(filters), narrowing(of_links(filters))
        self._all_of_class = int(filters.visit_class is not None)

    async def one(self, sql: str, row: type[T], narrowed: str | None = None, **params: object) -> T:
        return (await self.rows(sql, row, narrowed, **params))[0]

    async def rows(self, sql: str, row: type[T], narrowed: str | None = None, **params: object) -> list[T]:
        whole = f"{sql} {self._narrowed if narrowed is None else narrowed}"
        return await self._clickhouse.rows(whole, row, **self._here, **params, all=self._all_of_class)

    async def canaries(self, minted: MintedLinks) -> Canaries:
        if not minted.all.canaries:
            return Canaries()
        return await self.one(statements.CANARIES, Canaries, self.whole_links)

    async def named(self, found: list[DestinationRow]) -> list[DestinationRow]:
        """Each with its template, as it was when its taps found it."""
        former = []
        if not all(row.in_force for row in found):
            former = await self.rows(statements.FORMER, Former, "")
        return named(found, self._broadcast, former)


def _totals(minted: MintedLinks, visits: _Visits, people: _People, links: _Links) -> dict[str, Any]:
    contacts = minted.all.contacts
    return {
        "links": minted.all.links,
        "contacts": contacts,
        "clicks": _part(visits, Classes),
        "unique_contacts": people.unique_contacts,
        "click_through_rate": people.unique_contacts / contacts if contacts else 0.0,
        "visitors": visits.visitors,
        "previews_delivered": people.previews_delivered,
        "passed_on_links": links.passed_on_links,
        "forwarded": _part(links, Forwarded),
    }


def _lists(found: dict[str, list[Any]], sent_ms: int) -> dict[str, Any]:
    taps = sum(row.clicks for row in found["by_device"])
    found["by_rule"] = [RuleRow("", taps)] if taps else []  # no broadcast has rules yet: every tap went by none
    return found if sent_ms else found | {"by_hour_since_send": []}


def _more_warnings(composed: _Composed, links: _Links, contacts: int | None) -> list[WarningRow]:
    """contacts: None where they are narrowed, which messages never are."""
    again = 0 if contacts is None else max(0, composed.messages - contacts)
    more = [("passed-on-links", links.passed_on_links), ("composed-again", again)]
    return [WarningRow(*found) for found in [*composed.by_warning.items(), *more]]


def _seconds_to_tap(found: _People | None) -> SecondsToTap:
    """None: nobody has said when it was sent, and nothing was minted."""
    if found is None or not found.contacts:
        return SecondsToTap(None, None, [])
    marks = zip(statements.SECONDS_MARKS, found.within, strict=True)
    median, p90 = found.quantiles
    return SecondsToTap(median, p90, [ShareRow(mark, within / found.contacts) for mark, within in marks])


def _part(found: msgspec.Struct, kind: type[T]) -> T:
    """The fields of `found` that a Struct of this kind has."""
    return msgspec.convert(found, kind, from_attributes=True)
