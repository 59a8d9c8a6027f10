"""Reads a contacts file: CSV with a header, `contact_id` required, `audience` and `destination_index` optional.

Every line is checked before anything is sent, so that a bad file mints nothing. Other columns are left alone.
"""

import csv
from array import array
from codecs import BOM_UTF8
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO

import msgspec

COLUMNS = ("contact_id", "audience", "destination_index")
MAX_FIELD = {"contact_id": 256, "audience": 128, "destination_index": 5}
MAX_LINE_BYTES = 64 * 1024
MAX_SHOWN = 40
BATCH_BYTES = 1024 * 1024

_encoder = msgspec.json.Encoder()


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


class Checked(msgspec.Struct):
    """What a file holds. The request's line n is the file's line line_nos[n - 1]."""

    bad: list[BadLine]
    line_nos: array  # type: ignore[type-arg]
    named: int  # good lines with a destination_index
    digest: str  # of the request

    def links(self, destinations: int) -> int:
        return (len(self.line_nos) - self.named) * destinations + self.named


def checked(path: Path, request: IO[bytes], destinations: int, *, skip_bad: bool) -> Checked:
    """Write the good lines to `request` as NDJSON; raises ContactsError at the first bad line unless skip_bad.

    destinations: how many the broadcast has, which each line without a destination_index asks for.
    """
    seen = _Seen(destinations)
    bad: list[BadLine] = []
    line_nos, named, digest = array("I"), 0, sha256()
    for batch in read_contacts(path):
        good: list[Contact] = []
        for line_no, line in batch:
            fault = line if isinstance(line, BadLine) else seen.fault(line, line_no)
            if fault is None:
                good.append(line)  # type: ignore[arg-type]
                line_nos.append(line_no)
            elif skip_bad:
                bad.append(fault)
            else:
                raise ContactsError(f"{path}: line {fault.line_no}: {fault.error}; nothing was minted")
        named += sum(contact.destination_index is not None for contact in good)
        lines = _encoder.encode_lines(good)
        digest.update(lines)
        request.write(lines)
    if not line_nos:
        raise ContactsError(f"{path}: it has no {'good ' if bad else ''}contacts below its header; nothing was minted")
    return Checked(bad, line_nos, named, digest.hexdigest())


def read_contacts(path: Path) -> Iterator[list[tuple[int, Contact | BadLine]]]:
    """(line number, line) in order, some thousand at a time; raises ContactsError without a header to go by."""
    with path.open("rb") as file:
        header = _cells(file.readline(MAX_LINE_BYTES + 1).removeprefix(BOM_UTF8), 1)
        if isinstance(header, BadLine):
            raise ContactsError(f"{path}: line 1: {header.error}; expected a CSV header like contact_id,audience")
        names = [name.strip().lower() for name in header]
        places = _places(path, names)
        line_no = 2
        while raw := file.readlines(BATCH_BYTES):
            yield [
                (no, cells if isinstance(cells, BadLine) else _contact(cells, places, len(names), no))
                for no, cells in enumerate(_rows(raw, line_no), line_no)
            ]
            line_no += len(raw)


def _rows(raw: list[bytes], first_line_no: int) -> list[list[str] | BadLine]:
    """The cells of each line. All at once where nothing is wrong, which is four times as fast."""
    if max(map(len, raw)) <= MAX_LINE_BYTES:
        try:
            rows = list(csv.reader([line.decode().rstrip("\r\n") for line in raw], strict=True))
        except (UnicodeDecodeError, csv.Error):
            rows = []
        if len(rows) == len(raw) and all(rows):
            return rows  # type: ignore[return-value]
    return [_cells(line, line_no) for line_no, line in enumerate(raw, first_line_no)]


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


def _contact(cells: list[str], places: dict[str, int], columns: int, line_no: int) -> Contact | BadLine:
    if len(cells) != columns:
        return BadLine(line_no, f"it has {len(cells)} fields, the header has {columns}")
    contact_id = cells[places["contact_id"]].strip()
    audience = cells[places["audience"]].strip() if "audience" in places else ""
    index = cells[places["destination_index"]].strip() if "destination_index" in places else ""
    fault = _fault("contact_id", contact_id) or _fault("audience", audience) or _fault("destination_index", index)
    if fault:
        return BadLine(line_no, fault)
    if not contact_id:
        return BadLine(line_no, "contact_id is empty")
    if index and not (index.isascii() and index.isdigit()):
        return BadLine(line_no, f"destination_index is {_shown(index)}; expected a whole number")
    return Contact(contact_id, audience, int(index) if index else None)


def _fault(name: str, value: str) -> str | None:
    if len(value) > MAX_FIELD[name]:
        return f"{name} has {len(value)} characters; at most {MAX_FIELD[name]} are allowed"
    if value.isprintable() or not any(c < " " or "\x7f" <= c <= "\x9f" for c in value):
        return None
    return f"{name} has a control character: {_shown(value)}"


class _Seen:
    """On which line each link was asked for first."""

    def __init__(self, destinations: int) -> None:
        self._destinations = destinations
        self._whole: dict[str, int] = {}  # contacts that got a link per destination
        self._single: dict[tuple[str, int], int] = {}

    def fault(self, line: Contact, line_no: int) -> BadLine | None:
        index = line.destination_index
        if index is not None and index >= self._destinations:
            known = f"the broadcast has {self._destinations}, numbered from 0"
            return BadLine(line_no, f"there is no destination {index}; {known}")
        first = self._first(line.contact_id, index)
        if first is not None:
            return BadLine(line_no, f"contact {_shown(line.contact_id)} was on line {first} already")
        if index is None:
            self._whole[line.contact_id] = line_no
        else:
            self._single[line.contact_id, index] = line_no
        return None

    def _first(self, contact_id: str, index: int | None) -> int | None:
        whole = self._whole.get(contact_id)
        if whole is not None or not self._single:
            return whole
        indexes = range(self._destinations) if index is None else (index,)
        return next((self._single[contact_id, i] for i in indexes if (contact_id, i) in self._single), None)


def _places(path: Path, header: list[str]) -> dict[str, int]:
    if "contact_id" not in header:
        hint = "; separate the columns by commas" if len(header) == 1 and set(header[0]) & set(";\t|") else ""
        raise ContactsError(f"{path}: the column contact_id is missing; the header is {_shown(','.join(header))}{hint}")
    for name in COLUMNS:
        if header.count(name) > 1:
            raise ContactsError(f"{path}: the column {name} stands twice in the header")
    return {name: header.index(name) for name in COLUMNS if name in header}


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
