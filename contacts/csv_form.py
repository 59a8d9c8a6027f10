"""A list of contacts as CSV with a header: `contact_id` required, `audience` and `destination_index` optional.

Other columns are left alone.
"""

import csv
from codecs import BOM_UTF8
from typing import IO

import msgspec

from contacts.line import Columns, ContactLine, Fault
from records.text import shown

COLUMNS = ("contact_id", "audience", "destination_index")
FIRST_LINE_NO = 2  # of the contacts; the header is line 1
MAX_LINE_BYTES = 64 * 1024
MAX_INDEX_DIGITS = 5


class BadHeader(Exception):
    """What is wrong with the first line, and what is expected."""


class CsvForm(msgspec.Struct, frozen=True):
    width: int  # of the header
    positions: dict[str, int]  # of the columns that are read

    def columns(self, lines: list[bytes]) -> Columns | None:
        """A quarter of the time of reading them one by one."""
        if max(map(len, lines)) > MAX_LINE_BYTES:
            return None
        try:
            rows = list(csv.reader([line.decode().rstrip("\r\n") for line in lines], strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(rows) != len(lines) or set(map(len, rows)) != {self.width}:
            return None
        contact_ids, audiences, indexes = (self._column(rows, name) for name in COLUMNS)
        texts = set(indexes)  # few differ
        if not all(map(_is_index, texts)):
            return None
        numbers = {text: int(text) if text else None for text in texts}
        return Columns(contact_ids, audiences, [numbers[text] for text in indexes])

    def line(self, raw: bytes) -> ContactLine | Fault:
        cells = _cells(raw)
        if isinstance(cells, Fault):
            return cells
        if len(cells) != self.width:
            return Fault("", f"it has {len(cells)} fields, the header has {self.width}")
        contact_id, audience, index = (self._column([cells], name)[0] for name in COLUMNS)
        if not _is_index(index):
            error = f"destination_index is {shown(index)}; expected a whole number of at most {MAX_INDEX_DIGITS} digits"
            return Fault("destination_index", error)
        return ContactLine(contact_id, audience, int(index) if index else None)

    def _column(self, rows: list[list[str]], name: str) -> list[str]:
        position = self.positions.get(name)
        return [""] * len(rows) if position is None else [row[position].strip() for row in rows]


def csv_form(file: IO[bytes]) -> CsvForm:
    """The form that the header says; the file then stands at line FIRST_LINE_NO. Raises BadHeader."""
    cells = _cells(file.readline(MAX_LINE_BYTES + 1).removeprefix(BOM_UTF8))
    if isinstance(cells, Fault):
        raise BadHeader(f"line 1: {cells.error}; expected a CSV header like contact_id,audience")
    names = [name.strip().lower() for name in cells]
    if "contact_id" not in names:
        hint = "; separate the columns by commas" if len(names) == 1 and set(names[0]) & set(";\t|") else ""
        raise BadHeader(f"the column contact_id is missing; the header is {shown(','.join(names))}{hint}")
    for name in COLUMNS:
        if names.count(name) > 1:
            raise BadHeader(f"the column {name} is in the header twice")
    return CsvForm(len(names), {name: names.index(name) for name in COLUMNS if name in names})


def _is_index(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) <= MAX_INDEX_DIGITS)


def _cells(raw: bytes) -> list[str] | Fault:
    if len(raw) > MAX_LINE_BYTES:
        return Fault("", f"it is too long; at most {MAX_LINE_BYTES} bytes are allowed in a line")
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        return Fault("", f"it is not UTF-8 (byte {error.start + 1}); save the file as CSV in UTF-8")
    if not text.strip():
        return Fault("", "it is empty")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        return Fault("", _csv_fault(text))


def _csv_fault(text: str) -> str:
    """What is wrong with a line that is not CSV; the messages of csv.Error are about Python."""
    if "\r" in text:
        return "it holds a carriage return; lines end in LF or CRLF"
    if text.count('"') % 2:
        return "a quote is opened and not closed; a field cannot go on in the next line, and a quote in it is doubled"
    return "a quoted field goes on after its closing quote; a quote inside a field is doubled"
