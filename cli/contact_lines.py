"""The lines of a contacts file: CSV with a header, `contact_id` required, `audience` and `destination_index` optional.

Other columns are left alone.
"""

import csv
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

import msgspec

COLUMNS = ("contact_id", "audience", "destination_index")
MAX_FIELD = {"contact_id": 256, "audience": 128, "destination_index": 5}
MAX_LINE_BYTES = 64 * 1024
MAX_SHOWN = 40
BATCH_BYTES = 1024 * 1024


class BadLine(msgspec.Struct, frozen=True):
    line_no: int
    error: str


class ContactsError(Exception):
    """One line: where it is wrong and what is expected."""


class Contact(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A line of the request. Without destination_index it gets one link per destination."""

    contact_id: str
    audience: str = ""
    destination_index: int | None = None


class _Header(msgspec.Struct, frozen=True):
    columns: int
    places: dict[str, int]  # of the columns we read


def read_contacts(path: Path) -> Iterator[tuple[int, list[Contact | BadLine]]]:
    """Some thousand lines at a time, with the number of the first; ContactsError without a header to go by."""
    with path.open("rb") as file:
        header = _header(path, file.readline(MAX_LINE_BYTES + 1))
        line_no = 2
        while raw := file.readlines(BATCH_BYTES):
            yield line_no, _all_right(raw, header) or [_line(one, header, no) for no, one in enumerate(raw, line_no)]
            line_no += len(raw)


def _header(path: Path, raw: bytes) -> _Header:
    cells = _cells(raw.removeprefix(BOM_UTF8), 1)
    if isinstance(cells, BadLine):
        raise ContactsError(f"{path}: line 1: {cells.error}; expected a CSV header like contact_id,audience")
    names = [name.strip().lower() for name in cells]
    return _Header(len(names), _places(path, names))


def _all_right(raw: list[bytes], header: _Header) -> list[Contact | BadLine]:
    """The contacts of these lines, or [] where one may be wrong. A quarter of the time of reading them one by one."""
    if max(map(len, raw)) > MAX_LINE_BYTES:
        return []
    try:
        rows = list(csv.reader([line.decode().rstrip("\r\n") for line in raw], strict=True))
    except (UnicodeDecodeError, csv.Error):
        return []
    if len(rows) != len(raw) or set(map(len, rows)) != {header.columns}:
        return []
    contact_ids, audiences, indexes = (_column(rows, header, name) for name in COLUMNS)
    some = {"audience": set(audiences), "destination_index": set(indexes)}  # few differ
    if any(_fault(name, value) for name, values in some.items() for value in values):
        return []
    if max(map(len, contact_ids)) > MAX_FIELD["contact_id"] or not all(map(str.isprintable, contact_ids)):
        return []
    if not all(contact_ids) or not all(map(_is_index, some["destination_index"])):
        return []
    numbers = {index: int(index) if index else None for index in some["destination_index"]}
    return list(map(Contact, contact_ids, audiences, map(numbers.__getitem__, indexes)))


def _column(rows: list[list[str]], header: _Header, name: str) -> list[str]:
    place = header.places.get(name)
    return [""] * len(rows) if place is None else [row[place].strip() for row in rows]


def _line(raw: bytes, header: _Header, line_no: int) -> Contact | BadLine:
    cells = _cells(raw, line_no)
    return cells if isinstance(cells, BadLine) else _contact(cells, header, line_no)


def _cells(raw: bytes, line_no: int) -> list[str] | BadLine:
    if len(raw) > MAX_LINE_BYTES:
        return BadLine(line_no, f"it is too long; at most {MAX_LINE_BYTES} bytes are allowed in a line")
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return BadLine(line_no, f"it is not UTF-8 (byte {error.start + 1}); save the file as CSV in UTF-8")
    if not text.strip():
        return BadLine(line_no, "it is empty")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        return BadLine(line_no, _csv_fault(text))


def _csv_fault(text: str) -> str:
    """What is wrong with a line that is not CSV; the messages of csv.Error are about Python."""
    if "\r" in text:
        return "it holds a carriage return; lines end in LF or CRLF"
    if text.count('"') % 2:
        return "a quote is opened and not closed; a field cannot go on in the next line, and a quote in it is doubled"
    return "a quoted field goes on behind its quote; a quote inside a field is doubled"


def _contact(cells: list[str], header: _Header, line_no: int) -> Contact | BadLine:
    if len(cells) != header.columns:
        return BadLine(line_no, f"it has {len(cells)} fields, the header has {header.columns}")
    contact_id, audience, index = (_column([cells], header, name)[0] for name in COLUMNS)
    fault = _fault("contact_id", contact_id) or _fault("audience", audience) or _fault("destination_index", index)
    if fault:
        return BadLine(line_no, fault)
    if not contact_id:
        return BadLine(line_no, "contact_id is empty")
    if not _is_index(index):
        return BadLine(line_no, f"destination_index is {shown(index)}; expected a whole number")
    return Contact(contact_id, audience, int(index) if index else None)


def _is_index(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _fault(name: str, value: str) -> str | None:
    if len(value) > MAX_FIELD[name]:
        return f"{name} has {len(value)} characters; at most {MAX_FIELD[name]} are allowed"
    if value.isprintable() or not any(c < " " or "\x7f" <= c <= "\x9f" for c in value):
        return None
    return f"{name} has a control character: {shown(value)}"


def _places(path: Path, header: list[str]) -> dict[str, int]:
    if "contact_id" not in header:
        hint = "; separate the columns by commas" if len(header) == 1 and set(header[0]) & set(";\t|") else ""
        raise ContactsError(f"{path}: the column contact_id is missing; the header is {shown(','.join(header))}{hint}")
    for name in COLUMNS:
        if header.count(name) > 1:
            raise ContactsError(f"{path}: the column {name} stands twice in the header")
    return {name: header.index(name) for name in COLUMNS if name in header}


def shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
