"""Clicks and what was found out about them -> the bytes ClickHouse inserts: one Arrow stream with one record batch."""

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import pyarrow as pa

from aggregator.decode import Numbered
from aggregator.enrich import Enriched, Groups, grouped
from aggregator.visitor_ids import DAY_MS
from records.click import Click
from visitors.classify import CLASSIFIER_VERSION
from visitors.devices import Device
from visitors.evidence import Headers
from visitors.place import Place

# Of the click itself: hardly a value repeats.
_OWN: dict[str, pa.DataType] = {
    "click_id": pa.binary(16),  # ArrowStream reads a UUID in the order of its text
    "link_id": pa.uint64(),
    "code": pa.string(),
    "contact_id": pa.string(),
    "destination": pa.string(),
}
_OF_BROADCAST = (
    *("account", "short_domain", "broadcast_id", "broadcast_no", "audience", "keyword", "source"),
    *("destination_index", "status", "refusal"),
)
_NUMBERS = {
    "broadcast_no": pa.uint64(),
    "destination_index": pa.uint16(),
    "status": pa.uint16(),
    "asn": pa.uint32(),
}
_INSTANT = pa.timestamp("ms", "UTC")
_BROADCAST = attrgetter(*_OF_BROADCAST)

COLUMNS = (
    *("lane", "seq", "edge_id", *_OWN, "clicked_at", "received_at", *_OF_BROADCAST, *Headers.__struct_fields__),
    *("language", "referrer_host"),
    *(*Device.__struct_fields__, *Place.__struct_fields__, "visit_class", "class_reasons", "classifier_version"),
    "visitor_id",
)
INSERT_CLICKS = f"INSERT INTO clicks ({', '.join(COLUMNS)}, insert_before) FORMAT ArrowStream"


def arrow_stream(clicks: Sequence[Numbered], enriched: Enriched, received_at_ms: int, insert_before: int = 0) -> bytes:
    """The rows as one ArrowStream of one record batch, so that the INSERT is one block and one part.

    insert_before: Unix second of the server's clock from which on it refuses them; 0 sets none.
    """
    columns = dict(_columns(clicks, enriched, received_at_ms))
    columns["insert_before"] = _repeated(insert_before, pa.uint32(), len(clicks))
    batch = pa.record_batch({name: columns[name] for name in (*COLUMNS, "insert_before")})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _columns(
    clicks: Sequence[Numbered], enriched: Enriched, received_at_ms: int
) -> "Iterator[tuple[str, pa.Array[Any]]]":
    visits = [one.click for one in clicks]
    yield "lane", pa.array([one.lane for one in clicks], pa.uint64())
    yield "seq", pa.array([one.seq for one in clicks], pa.uint64())
    yield "edge_id", pa.array([one.edge_id for one in clicks], pa.string()).dictionary_encode()
    for name, data_type in _OWN.items():
        yield name, pa.array(list(map(attrgetter(name), visits)), data_type)
    yield "clicked_at", pa.array([visit.clicked_at_ms for visit in visits], pa.int64()).cast(_INSTANT)
    yield "received_at", _repeated(received_at_ms, _INSTANT, len(clicks))
    yield "classifier_version", _repeated(CLASSIFIER_VERSION, pa.uint16(), len(clicks))
    yield "visitor_id", pa.array(enriched.visitor_ids, pa.uint64())
    yield from _broadcasts(visits)
    yield from _of_groups(enriched.by_headers, enriched.headers, Headers.__struct_fields__)
    yield "language", _text_of_groups(enriched.by_headers, enriched.languages)
    yield "referrer_host", _text_of_groups(enriched.by_headers, enriched.referrer_hosts)
    yield from _of_groups(enriched.by_headers, enriched.devices, Device.__struct_fields__)
    yield from _of_groups(enriched.by_network, enriched.places, Place.__struct_fields__)
    yield from _of_groups(enriched.by_verdict, enriched.verdicts, ("visit_class",))
    reasons = pa.array([verdict.reasons for verdict in enriched.verdicts], pa.list_(pa.string()))
    yield "class_reasons", reasons.take(_numbers(enriched.by_verdict))


def _broadcasts(visits: list[Click]) -> "Iterator[tuple[str, pa.Array[Any]]]":
    groups = grouped(map(_BROADCAST, visits))
    return _of_groups(groups, [visits[first] for first in groups.firsts], _OF_BROADCAST)


def _of_groups(groups: Groups, values: Sequence[Any], names: Iterable[str]) -> "Iterator[tuple[str, pa.Array[Any]]]":
    """Columns of what the clicks of a group share.

    Text is dictionary-encoded, which both halves the time of the insert and the bytes.
    """
    numbers = _numbers(groups)
    for name in names:
        of_groups = [getattr(value, name) for value in values]
        if name in _NUMBERS:
            yield name, pa.array(of_groups, _NUMBERS[name]).take(numbers)
        else:
            yield name, _text_of_groups(groups, of_groups)


def _text_of_groups(groups: Groups, of_groups: Sequence[str]) -> "pa.Array[Any]":
    text = pa.array(of_groups, pa.string()).dictionary_encode()  # groups may be alike in one column
    return pa.DictionaryArray.from_arrays(text.indices.take(_numbers(groups)), text.dictionary)


def _numbers(groups: Groups) -> "pa.Array[Any]":
    return pa.array(groups.group_of, pa.int32())


def _repeated(value: int, data_type: pa.DataType, count: int) -> "pa.Array[Any]":
    return pa.repeat(value, count).cast(data_type)


def by_partition(clicks: Iterable[Numbered]) -> dict[int, list[Numbered]]:
    """The clicks by toYYYYMM(clicked_at), as the table is partitioned: an INSERT into one partition is atomic."""
    parts: dict[int, list[Numbered]] = {}
    for one in clicks:
        parts.setdefault(_month(one.click.clicked_at_ms // DAY_MS), []).append(one)
    return parts


@lru_cache(4096)
def _month(day: int) -> int:
    date = datetime.fromtimestamp(day * 86_400, UTC)
    return date.year * 100 + date.month
