"""A list of contacts as NDJSON: an object a line, `contact_id` required."""

import re
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

from contacts.line import Columns, ContactLine, Fault, columns_of
from runtime.json_faults import JsonFault, read_json

_decoder = msgspec.json.Decoder(ContactLine)
_NAMES = tuple(name.encode() for name in ContactLine.__struct_fields__)
_KEYS = tuple(b'"' + name + b'":' for name in _NAMES)
_UNUSUAL = (
    b"\\",
    b"\t",
    b"\r",
    b" :",
)  # with none of them, and one object a line, _KEYS are the only ways to write _NAMES
# A name that is there twice, also where one of its letters is an escape. 0.5 us a line.
_TWICE = re.compile(rb'"(' + b"|".join(_NAMES) + rb')"\s*:[^\n]*"\1"\s*:|\\u00[57][0-9a-fA-F]|\\u006')
BATCH_BYTES = 1024 * 1024
BATCH_LINES = 32 * 1024  # lines of two bytes are objects of many more
_PART_BYTES = 16 * 1024


class NdjsonForm:
    def batches(self, file: IO[bytes]) -> Iterator[tuple[list[bytes], Sequence[int]]]:
        line_no = 1
        while lines := _next_lines(file):
            yield lines, range(line_no, line_no + len(lines))
            line_no += len(lines)

    def columns(self, lines: list[bytes]) -> Columns | None:
        text = b"".join(lines)
        # One object a line: the decoder alone would take an object that goes on in the next line, and two in one.
        if not text.startswith(b"{") or text.count(b"\n{") != len(lines) - 1:
            return None
        try:
            parsed = _decoder.decode_lines(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
            return None
        columns = columns_of(parsed)
        return columns if len(parsed) == len(lines) and not _may_repeat(text, columns) else None

    def line(self, raw: bytes) -> ContactLine | Fault:
        if not raw.strip():
            return Fault("", "the line is empty; expected a JSON object with contact_id")
        try:
            line: ContactLine = read_json(raw, _decoder, "the line")
        except JsonFault as fault:
            return Fault(fault.field, fault.detail + _hint(fault, raw), column=fault.column)
        return line


def _next_lines(file: IO[bytes]) -> list[bytes]:
    """Some whole lines, few enough and short enough to be held at once; none at the end."""
    lines: list[bytes] = []
    size = 0
    while size < BATCH_BYTES and len(lines) < BATCH_LINES and (part := file.readlines(_PART_BYTES)):
        lines += part
        size += sum(map(len, part))
    return lines


def _may_repeat(text: bytes, columns: Columns) -> bool:
    """Whether a name may be there twice in one object, of which the decoder takes the last: a no is certain."""
    written = list(map(text.count, _KEYS))
    # As often as lines have the value: each of these lines has the name once, and the others do not have it.
    if (any(map(text.__contains__, _UNUSUAL)) or written != _named_by(columns)) and _TWICE.search(text):
        return True
    if b'"fields"' not in text:
        return False
    return sum(written) + sum(map(len, columns.fields or ())) != text.count(b'":')


def _named_by(columns: Columns) -> list[int]:
    """How many lines have a value, of _NAMES each."""
    count = len(columns.contact_ids)
    return [
        count,
        count - columns.audiences.count(""),
        count - columns.destination_indexes.count(None),
        sum(map(bool, columns.fields or ())),
    ]


def _hint(fault: JsonFault, raw: bytes) -> str:
    text = raw.decode("utf-8", "replace").strip()
    ends_early = not fault.is_json and text.startswith("{") and fault.column > len(text)
    return "; an object stands in one line, without line ends in it" if ends_early else ""
