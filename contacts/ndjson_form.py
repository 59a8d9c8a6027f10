"""A list of contacts as NDJSON: an object a line, `contact_id` required."""

import re
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

from contacts.line import Columns, ContactLine, Fault, columns_of
from runtime.json_faults import JsonFault, read_json

_decoder = msgspec.json.Decoder(ContactLine)
_NAMES = tuple(name.encode() for name in ContactLine.__struct_fields__)
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
        return columns_of(parsed) if len(parsed) == len(lines) and not _may_repeat(text, parsed) else None

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


def _may_repeat(text: bytes, parsed: Sequence[ContactLine]) -> bool:
    """Whether a name may be there twice in one object, of which the decoder takes the last: a no is certain."""
    if _TWICE.search(text):
        return True
    if b'"fields"' not in text:
        return False
    names = sum(text.count(b'"' + name + b'":') for name in _NAMES) + sum(len(line.fields) for line in parsed)
    return names != text.count(b'":')


def _hint(fault: JsonFault, raw: bytes) -> str:
    text = raw.decode("utf-8", "replace").strip()
    ends_early = not fault.is_json and text.startswith("{") and fault.column > len(text)
    return "; an object stands in one line, without line ends in it" if ends_early else ""
