"""The lists of a report that have links and contacts beside taps. Pure."""

from collections.abc import Iterable

import msgspec

from control.reports.minted import NOTHING, Minted, MintedLinks
from control.reports.shapes import AudienceRow, DestinationRow
from records.broadcast import Broadcast


class Tapped(msgspec.Struct):
    """A row of TAPPED."""

    list: str
    audience: str
    destination_index: int
    destination_version: int
    clicks: int
    unique_contacts: int


class Former(msgspec.Struct):
    """The destinations after a change of them."""

    version: int
    destinations: tuple[str, ...]


_NO_TAP = Tapped("", "", 0, 0, 0, 0)


def audiences_of(rows: Iterable[Tapped], minted: MintedLinks) -> list[AudienceRow]:
    """Those with a link or a visit, the one with the most links first."""
    tapped = {row.audience: row for row in rows if row.list == "by_audience"}
    found = []
    for audience in tapped.keys() | minted.by_audience.keys():
        links, taps = minted.by_audience.get(audience, NOTHING), tapped.get(audience, _NO_TAP)
        rate = _rate(taps, links)
        found.append(AudienceRow(audience, links.links, taps.clicks, taps.unique_contacts, rate))
    return sorted(found, key=lambda row: (-row.links, row.audience))


def destinations_of(rows: Iterable[Tapped], minted: MintedLinks, broadcast: Broadcast) -> list[DestinationRow]:
    """Those with a link or a visit, without their templates.

    A row for each that was visited, by the change that put it in force, and for the one that is in force.
    """
    tapped = {(row.destination_index, row.destination_version): row for row in rows if row.list == "by_destination"}
    in_force = set(_in_force(broadcast))
    found = []
    for index, version in tapped.keys() | {one for one in in_force if one[0] in minted.by_destination}:
        links, taps = minted.by_destination.get(index, NOTHING), tapped.get((index, version), _NO_TAP)
        found.append(
            DestinationRow(
                index, links.links, taps.clicks, taps.unique_contacts, _rate(taps, links), version,
                (index, version) in in_force,
            )
        )  # fmt: skip
    return sorted(found, key=lambda row: (-row.links, row.destination_index, row.destination_version))


def named(rows: list[DestinationRow], broadcast: Broadcast, former: Iterable[Former]) -> list[DestinationRow]:
    """With their templates."""
    of_version = {one.version: one.destinations for one in former}
    for row in rows:
        known = broadcast.destinations if row.in_force else of_version.get(row.destination_version, ())
        row.destination = known[row.destination_index] if row.destination_index < len(known) else ""
    return rows


def _in_force(broadcast: Broadcast) -> Iterable[tuple[int, int]]:
    """Index and version of each destination."""
    versions = broadcast.destination_versions
    for index in range(len(broadcast.destinations)):
        yield index, max(versions[index], 1) if index < len(versions) else 1


def _rate(taps: Tapped, links: Minted) -> float:
    return taps.unique_contacts / links.contacts if links.contacts else 0.0
