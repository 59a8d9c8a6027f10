"""Turns contacts into links, a batch at a time: the rows, the Redis commands and the answer. Pure, for a thread."""

from collections.abc import Iterator
from io import BytesIO
from itertools import repeat
from typing import Any

import msgspec
import pyarrow as pa

from contacts.line import ALL, BadLine, Contacts
from control.http.schemas import LinkLine
from control.minting.message_lines import links_of, message_lines
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


class LinkBatch(msgspec.Struct, frozen=True):
    """Some links of an order, ready to be written and answered."""

    first_link_id: int
    links: int
    rows: Any  # pa.RecordBatch with the columns of table links
    commands: list[list[bytes | int | str]]  # HSET of each bucket
    answer: bytes  # NDJSON


def batches_of(order: MintOrder, cipher: CodeCipher) -> Iterator[LinkBatch]:
    """All links of an order in the order of the lines; next() is some 0.2 s of work."""
    lines = max(1, BATCH_LINKS // max(1, order.destinations))
    first_link_id = order.first_link_id
    bad = list(reversed(order.contacts.bad))
    for start in range(0, len(order.contacts), lines):
        batch = _batch(order, slice(start, start + lines), first_link_id, bad, cipher)
        first_link_id += batch.links
        yield batch
    if bad:
        yield LinkBatch(first_link_id, 0, None, [], _encoder.encode_lines(list(reversed(bad))))


class _Links(msgspec.Struct):
    """Links of dense ids from first_link_id on, with the lines they came from."""

    first_link_id: int
    links: list[Link]
    codes: list[str]
    line_nos: list[int]


def _batch(order: MintOrder, rows: slice, first_link_id: int, bad: list[BadLine], cipher: CodeCipher) -> LinkBatch:
    minted = _links(order, rows, first_link_id, cipher)
    return LinkBatch(
        first_link_id,
        len(minted.links),
        link_rows(order.broadcast, first_link_id, minted.links, minted.codes, order.minted_at_ms),
        link_commands(first_link_id, minted.links),
        _answer(order.broadcast.short_domain, minted, bad)
        if order.composer is None
        else _messages(order.composer, order, rows, minted, bad),
    )


def _links(order: MintOrder, rows: slice, first_link_id: int, cipher: CodeCipher) -> _Links:
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
    codes = [cipher.seal(link_id) for link_id in range(first_link_id, first_link_id + len(links))]
    return _Links(first_link_id, links, codes, line_nos)


def link_rows(broadcast: Broadcast, first_link_id: int, links: list[Link], codes: list[str], minted_at_ms: int) -> Any:
    """The links as a record batch for table links."""
    count = len(links)
    audiences = pa.array(broadcast.audiences, pa.string())
    audience_nos = pa.array([link.audience_no for link in links], pa.uint32())

    def same(value: Any, kind: Any) -> Any:
        return pa.repeat(pa.scalar(value, kind), count)

    columns = {
        "link_id": pa.array(range(first_link_id, first_link_id + count), pa.uint64()),
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


def arrow_stream(rows: Any) -> bytes:
    sink = BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return sink.getvalue()


def link_commands(first_link_id: int, links: list[Link]) -> list[list[bytes | int | str]]:
    """One HSET for each bucket the ids touch."""
    commands: list[list[bytes | int | str]] = []
    end = first_link_id + len(links)
    start = first_link_id
    while start < end:
        stop = min(end, (start // BUCKET_SIZE + 1) * BUCKET_SIZE)
        command: list[bytes | int | str] = ["HSET", bucket_of(start)]
        for link_id in range(start, stop):
            command += (field_of(link_id), encode_link(links[link_id - first_link_id]))
        commands.append(command)
        start = stop
    return commands


def _answer(short_domain: str, minted: _Links, bad: list[BadLine]) -> bytes:
    """The links in the order of their lines, the bad lines among them; `bad` is used up from its end."""
    base = short_url(short_domain, "")
    answers: list[LinkLine | BadLine] = []
    for link_id, (link, code, line_no) in enumerate(
        zip(minted.links, minted.codes, minted.line_nos, strict=True), minted.first_link_id
    ):
        while bad and bad[-1].line < line_no:
            answers.append(bad.pop())
        answers.append(LinkLine(link.contact_id, link.destination_index, link_id, code, base + code))
    return _encoder.encode_lines(answers)


def _messages(composer: Composer, order: MintOrder, rows: slice, wanted: _Links, bad: list[BadLine]) -> bytes:
    links = links_of(wanted.links, wanted.codes, short_url(order.broadcast.short_domain, ""))
    return message_lines(composer, order.contacts, rows, wanted.links, links, wanted.line_nos, bad)


def short_url(short_domain: str, code: str) -> str:
    return f"https://{short_domain}/{code}"
