"""Clicks and what was found out about them -> the bytes ClickHouse inserts: one Arrow stream with one record batch."""

import io
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from aggregator.clicks import ID_BYTES, OF_BROADCAST, OWN_TEXTS, Clicks
from aggregator.days import date_of, day_of
from aggregator.enrich import Enriched
from aggregator.grouped import Grouped
from visitors.classify import CLASSIFIER_VERSION
from visitors.devices import Device
from visitors.evidence import Headers
from visitors.place import Place

if TYPE_CHECKING:
    from array import array

    Column = pa.Array[Any]
    Columns = Iterator[tuple[str, Column]]

_NUMBERS = {
    "broadcast_no": pa.uint64(),
    "destination_index": pa.uint16(),
    "destination_version": pa.uint32(),
    "status": pa.uint16(),
    "asn": pa.uint32(),
}
_MARKS = pa.map_(pa.string(), pa.string())
_INSTANT = pa.timestamp("ms", "UTC")

COLUMNS = (
    *("lane", "seq", "edge_id", "click_id", "link_id", *OWN_TEXTS),
    *("clicked_at", "received_at", *OF_BROADCAST, "query_marks"),
    *(*Headers.__struct_fields__, "language", "referrer_host", *Device.__struct_fields__, *Place.__struct_fields__),
    *("visit_class", "class_reasons", "classifier_version", "visitor_id"),
)
INSERT_CLICKS = f"INSERT INTO clicks ({', '.join(COLUMNS)}, insert_before) FORMAT ArrowStream"


def arrow_stream(clicks: Clicks, enriched: Enriched, received_at_ms: int, insert_before: int = 0) -> bytes:
    """The rows as the body of an INSERT; see `body_of`."""
    return body_of(columns_of(clicks, enriched, received_at_ms), insert_before)


def columns_of(clicks: Clicks, enriched: Enriched, received_at_ms: int) -> pa.RecordBatch:
    """The rows, but for the deadline of their INSERT."""
    columns = {
        **dict(_what_the_edge_saw(clicks)),
        **dict(_what_was_found(enriched)),
        "received_at": _repeated(received_at_ms, _INSTANT, len(clicks)),
    }
    return pa.record_batch({name: columns[name] for name in COLUMNS})


def body_of(columns: pa.RecordBatch, insert_before: int = 0) -> bytes:
    """One ArrowStream of one record batch, so that the INSERT is one block and one part.

    insert_before: Unix second of the server's clock from which on it refuses the rows; 0 sets none.
    """
    deadlines = _repeated(insert_before, pa.uint32(), columns.num_rows)
    batch = pa.record_batch([*columns.columns, deadlines], [*columns.schema.names, "insert_before"])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _what_the_edge_saw(clicks: Clicks) -> "Columns":
    yield "lane", _whole(clicks.lanes, pa.uint64())
    yield "seq", _whole(clicks.seqs, pa.uint64())
    yield "edge_id", _texts(clicks.edge_ids)
    yield "click_id", _buffered(clicks.click_ids, len(clicks), pa.binary(ID_BYTES))  # read in the order of its text
    yield "link_id", _whole(clicks.link_ids, pa.uint64())
    yield from clicks.texts.items()
    yield "clicked_at", _whole(clicks.clicked_at_ms, _INSTANT)
    yield from _fields(clicks.broadcasts, OF_BROADCAST)
    yield "query_marks", _maps(clicks.query_marks)


def _what_was_found(enriched: Enriched) -> "Columns":
    yield from _fields(enriched.headers, Headers.__struct_fields__)
    yield "language", _texts(enriched.languages)
    yield "referrer_host", _texts(enriched.referrer_hosts)
    yield from _fields(enriched.devices, Device.__struct_fields__)
    yield from _fields(enriched.places, Place.__struct_fields__)
    yield from _verdicts(enriched.verdicts)
    yield "visitor_id", pa.array(enriched.visitor_ids, pa.uint64())


def _verdicts(verdicts: Grouped[Any]) -> "Columns":
    yield from _fields(verdicts, ("visit_class",))
    yield "class_reasons", _spread(verdicts.each(attrgetter("reasons")), pa.list_(pa.string()))
    yield "classifier_version", _repeated(CLASSIFIER_VERSION, pa.uint16(), len(verdicts.group_of))


def _fields(groups: Grouped[Any], names: Iterable[str]) -> "Columns":
    """A column for each of these fields."""
    for name in names:
        field = groups.each(attrgetter(name))
        yield name, _spread(field, _NUMBERS[name]) if name in _NUMBERS else _texts(field)


def _texts(groups: Grouped[str]) -> "Column":
    """A dictionary-encoded column: it takes half the time to insert, and half the bytes."""
    text = pa.array(groups.values, pa.string()).dictionary_encode()  # groups may be alike in this column
    return pa.DictionaryArray.from_arrays(text.indices.take(_numbers(groups)), text.dictionary)


def _spread(groups: Grouped[Any], data_type: pa.DataType) -> "Column":
    return pa.array(groups.values, data_type).take(_numbers(groups))


def _numbers(groups: Grouped[Any]) -> "Column":
    return _whole(groups.group_of, pa.int32())


def _whole(numbers: "array[int]", data_type: pa.DataType) -> "Column":
    return _buffered(numbers, len(numbers), data_type)


def _buffered(values: "array[int] | bytes", count: int, data_type: pa.DataType) -> "Column":
    """The values as they lie in memory."""
    return pa.Array.from_buffers(data_type, count, [None, pa.py_buffer(values)])


def _maps(maps: list[dict[str, str] | None]) -> "Column":
    """A column without NULL, which is quicker to make of None than of what is empty: most clicks have no mark."""
    nullable: Any = pa.array(maps, _MARKS)
    return pa.MapArray.from_arrays(nullable.offsets, nullable.keys, nullable.items)


def _repeated(value: int, data_type: pa.DataType, count: int) -> "Column":
    return pa.repeat(value, count).cast(data_type)


def by_partition(clicks: Clicks) -> Mapping[int, Clicks]:
    """The clicks by toYYYYMM(clicked_at), as the table is partitioned: an INSERT into one partition is atomic."""
    months = set(map(_month_of, clicks.days()))
    if len(months) == 1:  # nearly always
        return {months.pop(): clicks}
    partitions: dict[int, list[int]] = {}
    for index, clicked_at_ms in enumerate(clicks.clicked_at_ms):
        partitions.setdefault(_month_of(day_of(clicked_at_ms)), []).append(index)
    return {month: clicks.at(indexes) for month, indexes in partitions.items()}


@lru_cache(4096)
def _month_of(day: int) -> int:
    date = date_of(day)
    return date.year * 100 + date.month
