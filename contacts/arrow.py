"""Columns of Arrow: from Python's arrays, and lines of JSON from columns. Pure."""

from array import array
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

_KINDS = {"h": pa.int16(), "H": pa.uint16(), "I": pa.uint32(), "q": pa.int64(), "Q": pa.uint64()}
_ESCAPED = b'"\\' + bytes(range(0x20))  # what stands otherwise in a string of JSON (RFC 8259, 7)
_encoder = msgspec.json.Encoder()


def numbers(values: "array[int]") -> Any:
    """The same memory as a column."""
    return pa.Array.from_buffers(_KINDS[values.typecode], len(values), [None, pa.py_buffer(values)])


def texts_of_width(data: bytes, width: int) -> Any:
    """ASCII texts of one width that follow each other, as a column."""
    return pa.Array.from_buffers(pa.binary(width), len(data) // width, [None, pa.py_buffer(data)]).cast(pa.string())


def joined(*pieces: Any) -> Any:
    """The texts of columns and of constants put together, line by line."""
    return pc.binary_join_element_wise(*pieces, "")


def data_of(texts: Any) -> bytes:
    """The texts of a column, one after the other."""
    whole: Any = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts), "")
    data: bytes = whole[0].as_buffer().to_pybytes()
    return data


def in_json(texts: Any) -> Any:
    """The texts of a column as they stand between the quotes of JSON."""
    data = data_of(texts)
    if len(data.translate(None, _ESCAPED)) == len(data):
        return texts
    return pa.array([_encoder.encode(text).decode()[1:-1] for text in texts.to_pylist()], pa.string())
