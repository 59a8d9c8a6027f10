"""Reads a contacts file: CSV with a header, `contact_id` required, `audience` and `destination_index` optional.

Every line is checked before anything is sent, so that a bad file mints nothing.
"""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

COLUMNS = ("contact_id", "audience", "destination_index")
MAX_FIELD = 256
MAX_SHOWN = 40


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


def read_contacts(path: Path) -> Iterator[Contact | BadLine]:
    """The lines in order; raises ContactsError where there is no header to go by."""
    with path.open("rb") as file:
        header = next(iter(_cells(file.readline(), 1)), None)
        if not isinstance(header, list):
            raise ContactsError(f"{path}: line 1 is not a CSV header; expected contact_id[,audience]")
        places = _places(path, [name.strip().lstrip("\ufeff").lower() for name in header])
        for line_no, raw in enumerate(file, 2):
            for cells in _cells(raw, line_no):
                yield cells if isinstance(cells, BadLine) else _contact(cells, places, len(header), line_no)


def checked(path: Path, *, skip_bad: bool) -> tuple[list[BadLine], int]:
    """(bad lines, good lines); raises ContactsError at the first bad line unless skip_bad."""
    seen: dict[tuple[str, int | None], int] = {}
    bad: list[BadLine] = []
    for line_no, line in enumerate(read_contacts(path), 2):
        fault = _repeated(line, line_no, seen)
        if fault is None:
            continue
        if not skip_bad:
            raise ContactsError(f"{path}: line {fault.line_no}: {fault.error}; nothing was minted")
        bad.append(fault)
    if not seen:
        raise ContactsError(f"{path}: it has no contacts below its header")
    return bad, len(seen)


def fingerprint(path: Path, broadcast: str) -> str:
    """The Idempotency-Key of a file and a broadcast: the same file gives the same links again."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(b"\0" + broadcast.encode())
    return "csv-" + digest.hexdigest()[:40]


def _repeated(line: Contact | BadLine, line_no: int, seen: dict[tuple[str, int | None], int]) -> BadLine | None:
    if isinstance(line, BadLine):
        return line
    first = seen.setdefault((line.contact_id, line.destination_index), line_no)
    if first != line_no:
        return BadLine(line_no, f"contact {_shown(line.contact_id)} was on line {first} already")
    return None


def _places(path: Path, header: list[str]) -> dict[str, int]:
    unknown = [name for name in header if name not in COLUMNS]
    if "contact_id" not in header:
        raise ContactsError(f"{path}: the header is {_shown(','.join(header))}; the column contact_id is missing")
    repeated = [name for name in COLUMNS if header.count(name) > 1]
    if repeated:
        raise ContactsError(f"{path}: the column {repeated[0]} stands twice in the header")
    return {name: place for place, name in enumerate(header) if name not in unknown}


def _cells(raw: bytes, line_no: int) -> Iterator[list[str] | BadLine]:
    if len(raw) > 64 * 1024:
        yield BadLine(line_no, f"it has {len(raw)} bytes; expected a contact id and an audience")
        return
    try:
        text = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        yield BadLine(line_no, f"it is not UTF-8 (byte {error.start + 1})")
        return
    if not text.strip():
        yield BadLine(line_no, "it is empty")
        return
    try:
        yield next(csv.reader([text], strict=True))
    except csv.Error as error:
        yield BadLine(line_no, f"it is not CSV: {error}")


def _contact(cells: list[str], places: dict[str, int], columns: int, line_no: int) -> Contact | BadLine:
    if len(cells) != columns:
        return BadLine(line_no, f"it has {len(cells)} fields, the header has {columns}")
    values = {name: cells[place].strip() for name, place in places.items()}
    contact_id, audience = values["contact_id"], values.get("audience", "")
    for name, value in values.items():
        if len(value) > MAX_FIELD:
            return BadLine(line_no, f"{name} has {len(value)} characters; at most {MAX_FIELD} are allowed")
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            return BadLine(line_no, f"{name} has a control character: {_shown(value)}")
    if not contact_id:
        return BadLine(line_no, "contact_id is empty")
    index = values.get("destination_index", "")
    if index and not (index.isascii() and index.isdigit()):
        return BadLine(line_no, f"destination_index is {_shown(index)}; expected a whole number")
    return Contact(contact_id, audience, int(index) if index else None)


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
