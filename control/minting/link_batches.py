"""Turns contacts into links, a batch at a time: the rows, the Redis commands and the answer. Pure, for a thread."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, repeat
from typing import Any

import msgspec
import pyarrow as pa

from contacts.bad_lines import BadLine
from contacts.line import ALL, Contacts
from control.http.schemas import LinkLine
from control.minting.compositions import Tally
from control.minting.message_lines import links_of, message_lines
from control.minting.theirs import NONE, Theirs
from messages.composer import Composer
from records.broadcast import Broadcast
from records.code import CodeCipher
from records.keys import BUCKET_SIZE, bucket_of, field_of
from records.link import Link, encode_link
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

    @property
    def request(self) -> str:
        """Names it: what is sent again has the same."""
        return f"{self.first_link_id}-{self.minted_at_ms}"


class LinkBatch(msgspec.Struct, frozen=True):
    """Some links of an order, ready to be written and answered."""

    first_link_id: int
    links: int  # claimed ids that they use up
    rows: Any  # pa.RecordBatch with the columns of table links; None: all are there
    commands: list[list[bytes | int | str]]  # HSET of each bucket
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


class _Links(msgspec.Struct):
    """Links with their ids and the lines they came from."""

    link_ids: Sequence[int]
    links: list[Link]
    codes: list[str]
    line_nos: list[int]
    are_there: list[bool] | None = None  # None: none of them is


def _batch(order: MintOrder, rows: slice, first_link_id: int, bad: list[BadLine], cipher: CodeCipher) -> LinkBatch:
    wanted, used = _links(order, rows, first_link_id, cipher)
    minted = wanted if wanted.are_there is None else _new_of(wanted)
    count = len(minted.links)
    answer, tally = _answered(order, rows, wanted, bad)
    return LinkBatch(
        first_link_id,
        used,
        link_rows(order.broadcast, minted.link_ids, minted.links, minted.codes, order.minted_at_ms) if count else None,
        link_commands(minted.link_ids, minted.links),
        answer,
        tally,
    )


def _links(order: MintOrder, rows: slice, first_link_id: int, cipher: CodeCipher) -> tuple[_Links, int]:
    """The links that the lines ask for, and how many claimed ids they use up."""
    contacts, broadcast_no = order.contacts, order.broadcast.broadcast_no
    numbers = {name: number for number, name in enumerate(order.broadcast.audiences)}
    audience_nos = [numbers[name] for name in contacts.audiences]
    every = range(order.destinations)
    kept = own_fields(order.broadcast.destinations)
    links: list[Link] = []
    line_nos: list[int] = []
    for contact_id, audience_no, index, line_no, fields in zip(
        contacts.contact_ids[rows].to_pylist(), contacts.audience_nos[rows],
        contacts.destination_indexes[rows], contacts.line_nos[rows],
        contacts.fields_of(rows, kept) if kept else repeat(None), strict=False,
    ):  # fmt: skip
        for destination in every if index == ALL else (index,):
            links.append(Link(broadcast_no, destination, audience_nos[audience_no], contact_id, "", fields))
            line_nos.append(line_no)
    link_ids: Sequence[int] = range(first_link_id, first_link_id + len(links))
    are_there, used = None, len(links)
    if order.theirs is not None or order.later is not None:
        link_ids, are_there, used = _ids(order, rows, first_link_id)
    return _Links(link_ids, links, list(map(cipher.seal, link_ids)), line_nos, are_there), used


def _ids(order: MintOrder, rows: slice, next_id: int) -> tuple[list[int], list[bool], int]:
    """The ids of the links that the lines ask for, whether each link is there, how many claimed ids they use up."""
    first = next_id
    link_ids: list[int] = []
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
    return link_ids, are_there, next_id - first


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


def _new_of(wanted: _Links) -> _Links:
    """Those that are not there yet."""
    is_new = list(map(operator.not_, wanted.are_there or ()))
    return _Links(
        list(compress(wanted.link_ids, is_new)), list(compress(wanted.links, is_new)),
        list(compress(wanted.codes, is_new)), list(compress(wanted.line_nos, is_new)),
    )  # fmt: skip


def link_rows(
    broadcast: Broadcast, link_ids: Sequence[int], links: list[Link], codes: list[str], minted_at_ms: int
) -> Any:
    """The links as a record batch for table links."""
    count = len(links)
    audiences = pa.array(broadcast.audiences, pa.string())
    audience_nos = pa.array([link.audience_no for link in links], pa.uint32())

    def same(value: Any, kind: Any) -> Any:
        return pa.repeat(pa.scalar(value, kind), count)

    columns = {
        "link_id": pa.array(link_ids, pa.uint64()),
        "account": same(broadcast.account, pa.string()),
        "code": pa.array(codes, pa.string()),
        "short_domain": same(broadcast.short_domain, pa.string()),
        "broadcast_no": same(broadcast.broadcast_no, pa.uint64()),
        "broadcast_id": same(broadcast.broadcast_id, pa.string()),
        "contact_id": pa.array([link.contact_id for link in links], pa.string()),
        "audience": audiences.take(audience_nos),
        "audience_no": audience_nos,
        "keyword": same(broadcast.keyword, pa.string()),
        "destination_index": pa.array([link.destination_index for link in links], pa.uint16()),
        "slug": pa.array([link.slug for link in links], pa.string()),
        "minted_at": same(minted_at_ms, pa.timestamp("ms", "UTC")),
    }
    if any(link.fields for link in links):
        fields = [list((link.fields or {}).items()) for link in links]
        columns["fields"] = pa.array(fields, pa.map_(pa.string(), pa.string()))
    return pa.record_batch(columns)


def link_commands(link_ids: Sequence[int], links: list[Link]) -> list[list[bytes | int | str]]:
    """One HSET for each bucket the ids touch. link_ids: rising."""
    commands: list[list[bytes | int | str]] = []
    end_of_bucket = 0
    for link_id, link in zip(link_ids, links, strict=True):
        if link_id >= end_of_bucket:
            end_of_bucket = (link_id // BUCKET_SIZE + 1) * BUCKET_SIZE
            commands.append(["HSET", bucket_of(link_id)])
        commands[-1] += (field_of(link_id), encode_link(link))
    return commands


def _answered(order: MintOrder, rows: slice, wanted: _Links, bad: list[BadLine]) -> tuple[bytes, Tally | None]:
    """A line for each link, or for each message."""
    if order.composer is None:
        return _answer(order.broadcast.short_domain, wanted, bad), None
    links = links_of(wanted.links, wanted.codes, short_url(order.broadcast.short_domain, ""))
    return message_lines(order.composer, order.contacts, rows, wanted.links, links, wanted.line_nos, bad)


def _answer(short_domain: str, wanted: _Links, bad: list[BadLine]) -> bytes:
    """The links in the order of their lines, the bad lines among them; `bad` is used up from its end."""
    base = short_url(short_domain, "")
    answers: list[LinkLine | BadLine] = []
    marks: Iterable[bool] = repeat(False) if wanted.are_there is None else wanted.are_there
    for link, link_id, code, line_no, is_there in zip(
        wanted.links, wanted.link_ids, wanted.codes, wanted.line_nos, marks, strict=False
    ):
        while bad and bad[-1].line < line_no:
            answers.append(bad.pop())
        existing = True if is_there else msgspec.UNSET
        answers.append(LinkLine(link.contact_id, link.destination_index, link_id, code, base + code, existing))
    return _encoder.encode_lines(answers)


def short_url(short_domain: str, code: str) -> str:
    return f"https://{short_domain}/{code}"
