"""Canaries: links that look like all others and go to nobody, or to phones of one's own, to see what taps them."""

import secrets
from array import array
from collections.abc import Iterator, Sequence
from math import ceil, sqrt

import msgspec
import pyarrow as pa

from contacts.kept_fields import KeptFields
from contacts.line import ALL, Contacts
from control.http.problems import invalid
from control.http.schemas import CanaryLine
from control.minting.claims import Claim, Claims, minting_key
from control.minting.link_batches import MintOrder, short_url
from control.minting.link_table import LinkRow, LinkTable
from control.minting.minter import Minter, Prepared, check_same_body
from records.broadcast import Broadcast
from records.link import CANARY
from routing.destination import own_fields
from runtime.clickhouse import ClickHouse

MAX_CANARIES = 10_000
_FEWEST = 50  # of those that nobody counts: with none of them tapped, up to 7 % of all links may still be
_MIX = """
SELECT audience, destination_index, count() AS links FROM links WHERE broadcast_no = {no:UInt64} AND kind = 'personal'
GROUP BY audience, destination_index ORDER BY links DESC, audience, destination_index
"""
_CLAIMED = (
    "broadcast_no = {no:UInt64} AND link_id >= {first:UInt64} AND link_id < {end:UInt64} AND kind = 'canary'"
    " ORDER BY link_id"
)


class Share(msgspec.Struct, frozen=True):
    """How many links of a broadcast have this audience and destination."""

    audience: str
    destination_index: int
    links: int


class Wanted(msgspec.Struct, frozen=True):
    """What a request asks for."""

    count: int | None = None  # None: as many as tell something
    contacts: Contacts | None = None  # a canary for each of these, with the audience and destination of its line
    key: str = ""  # the same key gives the same canaries again; "" is good for this request alone
    digest: str = ""  # of the body


class Canaries:
    def __init__(self, clickhouse: ClickHouse, claims: Claims, links: LinkTable, minter: Minter) -> None:
        self._clickhouse, self._claims, self._links, self._minter = clickhouse, claims, links, minter

    async def mint(self, broadcast: Broadcast, wanted: Wanted) -> tuple[list[CanaryLine], list[str]]:
        """The canaries, and what should be said of them; raises Problem.

        Their audiences and destinations are mixed as those of the links that are there.
        """
        digest = f"canaries {wanted.digest}"
        claim = await self._claim(broadcast, wanted.key, digest)
        mix = await self._clickhouse.rows(_MIX, Share, no=broadcast.broadcast_no)
        places = mixed(mix or _each_destination(broadcast), await self._count(broadcast, wanted, claim))
        given = wanted.contacts
        contacts = _sent_to_nobody(places, broadcast) if given is None else _sent_to(given, places)
        prepared = await self._minter.prepare(broadcast, contacts, wanted.key, digest, again=True, sends=False)
        canaries = [_line(row, is_named=given is not None) for row in await self._minted(prepared)]
        unmixed = "the broadcast has no links yet whose audiences canaries could have; mint them first, then canaries"
        return canaries, [*prepared.advisories, *([] if mix else [unmixed])]

    async def _claim(self, broadcast: Broadcast, key: str, digest: str) -> Claim | None:
        """Of an earlier request with this key; raises Problem where that had another body."""
        if not key:
            return None
        claim = await self._claims.of_minting(broadcast.broadcast_no, minting_key(key))
        check_same_body(claim, digest)
        return claim

    async def _count(self, broadcast: Broadcast, wanted: Wanted, claim: Claim | None) -> int:
        if claim is not None:
            return claim.links
        count = wanted.count if wanted.contacts is None else len(wanted.contacts)
        if count is None:
            contacts = await self._links.contacts(broadcast.broadcast_no)
            return min(max(_FEWEST, ceil(sqrt(contacts))), MAX_CANARIES)
        if not 1 <= count <= MAX_CANARIES:
            raise invalid("count", f"{count} canaries are asked for; expected 1 to {MAX_CANARIES}")
        return count

    async def _minted(self, prepared: Prepared) -> list[LinkRow]:
        """The rows of the canaries. What an earlier request has minted stays, also where the mix is another by now.

        They are one INSERT: all of them are there, or none.
        """
        async with prepared.held:
            if prepared.repeated and (there := await self._rows(prepared.order)):
                return there
            async for _ in self._minter.stream(prepared):
                pass
        return await self._rows(prepared.order)

    async def _rows(self, order: MintOrder) -> list[LinkRow]:
        first, no = order.first_link_id, order.broadcast.broadcast_no
        return await self._links.where(_CLAIMED, MAX_CANARIES, no=no, first=first, end=first + len(order.contacts))


def _line(row: LinkRow, *, is_named: bool) -> CanaryLine:
    contact_id = row.contact_id.removeprefix(CANARY) if is_named else msgspec.UNSET
    return CanaryLine(row.link_id, row.code, short_url(row.short_domain, row.code), row.audience, contact_id)


def mixed(mix: Sequence[Share], count: int) -> list[Share]:
    """So many of the shares, each as often as among all links, or once less or more, and spread over the list."""
    links = sum(share.links for share in mix)
    exact = [count * share.links / links for share in mix]
    times = [int(each) for each in exact]
    by_rest = sorted(range(len(mix)), key=lambda number: times[number] - exact[number])
    for number in by_rest[: count - sum(times)]:
        times[number] += 1
    return [share for _, _, share in sorted(_spread(mix, times), key=lambda placed: placed[:2])]


def _spread(mix: Sequence[Share], times: Sequence[int]) -> Iterator[tuple[float, int, Share]]:
    """(place between 0 and 1, number of the share, share)."""
    for number, (share, often) in enumerate(zip(mix, times, strict=True)):
        for turn in range(often):
            yield (turn + 0.5) / often, number, share


def _each_destination(broadcast: Broadcast) -> list[Share]:
    return [Share("", index, 1) for index in range(len(broadcast.destinations))]


def _sent_to_nobody(places: Sequence[Share], broadcast: Broadcast) -> Contacts:
    fields = KeptFields(own_fields(broadcast.destinations))
    fields.add(None, len(places))
    contact_ids = [CANARY + secrets.token_hex(8) for _ in places]
    audiences = [place.audience for place in places]
    indexes = [place.destination_index for place in places]
    return _as_contacts(contact_ids, audiences, indexes, range(1, len(places) + 1), fields)


def _sent_to(given: Contacts, places: Sequence[Share]) -> Contacts:
    contact_ids = [CANARY + contact_id for contact_id in given.contact_ids.to_pylist()]
    named = [given.audiences[number] for number in given.audience_nos]
    audiences = [audience or place.audience for audience, place in zip(named, places, strict=True)]
    indexes = [
        place.destination_index if index == ALL else index
        for index, place in zip(given.destination_indexes, places, strict=True)
    ]
    return _as_contacts(contact_ids, audiences, indexes, given.line_nos, given.fields)


def _as_contacts(
    contact_ids: list[str], audiences: list[str], indexes: list[int], line_nos: Sequence[int], fields: KeptFields
) -> Contacts:
    known = {name: number for number, name in enumerate(dict.fromkeys(audiences))}
    return Contacts(
        pa.array(contact_ids, pa.string()), array("I", [known[name] for name in audiences]), array("h", indexes),
        array("I", line_nos), list(known), [], fields,
    )  # fmt: skip
