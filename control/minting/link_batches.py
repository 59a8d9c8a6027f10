"""Turns contacts into links, a batch at a time: the rows, the writes to Redis and the answer. Pure, for a thread."""

from array import array
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from contacts.arrow import data_of, numbers, texts_of_width
from contacts.bad_lines import BadLine
from contacts.line import ALL, Contacts
from control.minting.compositions import Tally
from control.minting.link_columns import LinkColumns, link_lines, link_rows
from control.minting.message_lines import message_lines, message_links
from control.minting.theirs import NONE, Theirs
from messages.composer import Composer
from records.broadcast import Broadcast
from records.code import CODE_LENGTH, CodeCipher
from records.link_writes import Write, link_writes
from routing.destination import own_fields

BATCH_LINKS = 50_000

_encoder = msgspec.json.Encoder()


class MintOrder(msgspec.Struct, frozen=True):
    """What is minted: the lines, the broadcast with all their audiences in its list, and the claimed ids."""

    contacts: Contacts
    broadcast: Broadcast
    destinations: int  # links of a line that names none
    first_link_id: int
    minted_at_ms: int
    composer: Composer | None = None  # answers with the messages of the contacts instead of their links
    theirs: Theirs | None = None  # links that were there before these ids were claimed, and stay theirs
    later: Theirs | None = None  # links since then: those with a claimed id, and others that make its use a second link
    kept_s: int = 86_400  # how long Redis keeps the links

    @property
    def request(self) -> str:
        """Names it: what is sent again has the same."""
        return f"{self.first_link_id}-{self.minted_at_ms}"


class LinkBatch(msgspec.Struct, frozen=True):
    """Some links of an order, ready to be written and answered."""

    first_link_id: int
    links: int  # claimed ids that they use up
    rows: Any  # pa.RecordBatch with the columns of table links; None: all are there
    writes: list[Write]  # into Redis
    answer: bytes  # NDJSON
    tally: Tally | None = None  # of its messages


def batches_of(order: MintOrder, cipher: CodeCipher) -> Iterator[LinkBatch]:
    """All links of an order in the order of the lines; next() is some 0.2 s of work."""
    lines = max(1, BATCH_LINKS // max(1, order.destinations))
    first_link_id = order.first_link_id
    bad = list(reversed(order.contacts.bad))
    for start in range(0, len(order.contacts), lines):
        batch = _batch(order, slice(start, start + lines), first_link_id, bad, cipher)
        first_link_id += batch.links
        yield batch
    bad.reverse()
    if order.contacts.bad_rest is not None:
        bad.append(order.contacts.bad_rest)
    if bad:
        yield LinkBatch(first_link_id, 0, None, [], _encoder.encode_lines(bad))


class _Links(msgspec.Struct, frozen=True):
    """The links that some lines ask for."""

    columns: LinkColumns
    line_nos: Sequence[int]  # of each link, rising
    are_there: Any = None  # pa.BooleanArray; None: none of them is


def _batch(order: MintOrder, rows: slice, first_link_id: int, bad: list[BadLine], cipher: CodeCipher) -> LinkBatch:
    wanted, used = _links(order, rows, first_link_id, cipher)
    minted = wanted.columns if wanted.are_there is None else wanted.columns.only(pc.invert(wanted.are_there))
    answer, tally = _answered(order, rows, wanted, bad)
    return LinkBatch(
        first_link_id,
        used,
        link_rows(order.broadcast, minted, order.minted_at_ms) if len(minted) else None,
        link_writes(minted.link_ids, minted.records(order.broadcast.broadcast_no), order.kept_s),
        answer,
        tally,
    )


def _links(order: MintOrder, rows: slice, first_link_id: int, cipher: CodeCipher) -> tuple[_Links, int]:
    """The links that the lines ask for, and how many claimed ids they use up."""
    asked = _asked(order, rows)
    are_there, used = None, len(asked.line_nos)
    link_ids = array("Q", range(first_link_id, first_link_id + used))
    if order.theirs is not None or order.later is not None:
        link_ids, are_there, used = _ids(order, rows, first_link_id)
    columns = LinkColumns(
        link_ids,
        asked.contact_ids,
        asked.audience_nos,
        numbers(asked.destination_indexes),
        texts_of_width(cipher.seal_all(link_ids), CODE_LENGTH),
        asked.fields,
    )
    return _Links(columns, asked.line_nos, are_there), used


class _Asked(msgspec.Struct, frozen=True):
    """What each link is for."""

    contact_ids: Any  # pa.StringArray
    audience_nos: Any  # pa.UInt32Array
    destination_indexes: "array[int]"
    line_nos: Sequence[int]
    fields: list[dict[str, str]] | None


def _asked(order: MintOrder, rows: slice) -> _Asked:
    contacts = order.contacts
    numbers_of = {name: number for number, name in enumerate(order.broadcast.audiences)}
    audience_nos = pa.array([numbers_of[name] for name in contacts.audiences], pa.uint32())
    kept = own_fields(order.broadcast.destinations)
    lines = _Asked(
        contacts.contact_ids[rows],
        audience_nos.take(numbers(contacts.audience_nos[rows])),
        contacts.destination_indexes[rows],
        contacts.line_nos[rows],
        contacts.fields_of(rows, kept) if kept else None,
    )
    return _one_each(lines) if order.destinations == 1 else _several(lines, order.destinations)


def _one_each(lines: _Asked) -> _Asked:
    """There is one destination: each line asks for one link, to that."""
    return msgspec.structs.replace(lines, destination_indexes=array("H", bytes(2 * len(lines.line_nos))))


def _several(lines: _Asked, destinations: int) -> _Asked:
    places, indexes = array("I"), array("H")
    for place, index in enumerate(lines.destination_indexes):
        indexes.extend(range(destinations) if index == ALL else (index,))
        places.extend([place] * (len(indexes) - len(places)))
    taken = numbers(places)
    return _Asked(
        lines.contact_ids.take(taken),
        lines.audience_nos.take(taken),
        indexes,
        [lines.line_nos[place] for place in places],
        lines.fields and [lines.fields[place] for place in places],
    )


def _ids(order: MintOrder, rows: slice, next_id: int) -> tuple["array[int]", Any, int]:
    """The ids of the links that the lines ask for, whether each link is there, how many claimed ids they use up."""
    first = next_id
    link_ids = array("Q")
    are_there: list[bool] = []
    # Not strict: a side that has no links goes on for ever.
    for before, since in zip(_found(order, order.theirs, rows), _found(order, order.later, rows), strict=False):
        if before != NONE:
            link_ids.append(before)
            are_there.append(True)
            continue
        # An id that a minting claimed before it was cut off stays unused where another one served the contact since.
        superseded = since not in (NONE, next_id)
        link_ids.append(since if superseded else next_id)
        are_there.append(superseded)
        next_id += 1
    return link_ids, pa.array(are_there, pa.bool_()), next_id - first


def _found(order: MintOrder, theirs: Theirs | None, rows: slice) -> Iterable[int]:
    """For each link that the lines ask for: the id of the one that is there, or NONE."""
    if theirs is None:
        return repeat(NONE)
    every = range(order.destinations)
    lines = zip(theirs.slots[rows].to_pylist(), order.contacts.destination_indexes[rows], strict=True)
    return (
        theirs.link_ids[slot * theirs.destinations + destination]
        for slot, index in lines
        for destination in (every if index == ALL else (index,))
    )


def _answered(order: MintOrder, rows: slice, wanted: _Links, bad: list[BadLine]) -> tuple[bytes, Tally | None]:
    """A line for each link, or for each message."""
    base = short_url(order.broadcast.short_domain, "")
    if order.composer is None:
        return _answer(link_lines(wanted.columns, base, wanted.are_there), wanted.line_nos, bad), None
    links = message_links(wanted.columns, base)
    return message_lines(order.composer, order.contacts, rows, links, wanted.line_nos, bad)


def _answer(links: Any, line_nos: Sequence[int], bad: list[BadLine]) -> bytes:
    """The links in the order of their lines, the bad lines among them; `bad` is used up from its end."""
    pieces, start = [], 0
    while bad and bad[-1].line < line_nos[-1]:
        place = bisect(line_nos, bad[-1].line)
        pieces += [data_of(links[start:place]), _encoder.encode(bad.pop()), b"\n"]
        start = place
    return b"".join([*pieces, data_of(links[start:])])


def short_url(short_domain: str, code: str) -> str:
    return f"https://{short_domain}/{code}"
