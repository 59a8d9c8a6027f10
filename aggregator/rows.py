"""Rows of `clicks` -> the bytes ClickHouse inserts: one Arrow stream with one record batch."""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa

from aggregator.enrich import ClickRow

INSERT_CLICKS = f"INSERT INTO clicks ({', '.join(ClickRow._fields)}, insert_before) FORMAT ArrowStream"
_DAY_MS = 86_400_000

_INSTANT = pa.timestamp("ms", "UTC")
# Columns that are not text. Text is dictionary-encoded, which both halves the time of the insert and the bytes; the
# few columns in which hardly a value repeats are sent as they are.
_TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("lane", "seq", "link_id", "broadcast_no", "visitor_id"), pa.uint64()),
    **dict.fromkeys(("destination_index", "status", "classifier_version"), pa.uint16()),
    **dict.fromkeys(("code", "contact_id", "destination"), pa.string()),
    "click_id": pa.binary(16),  # ArrowStream reads a UUID in the order of its text
    "clicked_at": _INSTANT,
    "received_at": _INSTANT,
    "asn": pa.uint32(),
}


def arrow_stream(rows: Sequence[ClickRow], insert_before: int = 0) -> bytes:
    """The rows as one ArrowStream of one record batch, so that the INSERT is one block and one part.

    insert_before: Unix second of the server's clock from which on it refuses them; 0 sets none.
    """
    columns = zip(ClickRow._fields, zip(*rows, strict=True), strict=True)
    arrays = {name: _array(name, values) for name, values in columns}
    arrays["insert_before"] = pa.repeat(pa.scalar(insert_before, pa.uint32()), len(rows))
    batch = pa.record_batch(arrays)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _array(name: str, values: tuple[Any, ...]) -> "pa.Array[Any]":
    if name == "class_reasons":
        return _lists(values)
    if name not in _TYPES:
        return pa.array(values, pa.string()).dictionary_encode()
    if _TYPES[name] is _INSTANT:
        return pa.array(values, pa.int64()).cast(_INSTANT)
    return pa.array(values, _TYPES[name])


def _lists(values: tuple[tuple[str, ...], ...]) -> "pa.Array[Any]":
    """A batch has few distinct lists: each is converted once."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    distinct = pa.array(list(places), pa.list_(pa.string()))
    return distinct.take(pa.array([places[value] for value in values], pa.int32()))


def by_partition(rows: Iterable[ClickRow]) -> dict[int, list[ClickRow]]:
    """The rows by toYYYYMM(clicked_at), as the table is partitioned: an INSERT into one partition is atomic."""
    parts: dict[int, list[ClickRow]] = {}
    for row in rows:
        parts.setdefault(_month(row.clicked_at // _DAY_MS), []).append(row)
    return parts


@lru_cache(4096)
def _month(day: int) -> int:
    date = datetime.fromtimestamp(day * 86_400, UTC)
    return date.year * 100 + date.month
