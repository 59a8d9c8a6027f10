"""A list that is right throughout and of which nothing is to be said, as NDJSON at once: without a column of Arrow."""

from hashlib import sha256
from typing import IO, Any

import msgspec

from contacts.bad_lines import BadContact
from contacts.columns import BadHeader
from contacts.csv_form import CsvForm
from contacts.fields import FieldNeeds
from contacts.line import Columns, may_be_wrong
from contacts.phone_text import unremarkable

_HEAD = '{"contact_id":"'


class PlainLines(msgspec.Struct, frozen=True):
    """What a list holds."""

    line_nos: range
    everywhere: int  # of its lines, those that ask for a link to each destination
    digest: str  # of the NDJSON


def plain_lines(
    form: CsvForm, file: IO[bytes], destinations: int, needs: FieldNeeds, request: IO[bytes]
) -> PlainLines | None:
    """Write the list to `request`, as read_contacts and an encoder of its lines would; None where they must: some line
    may be wrong or there twice, there may be something to say of it, or it has fields that count. The fast way.

    destinations: how many the broadcast has.
    """
    if needs.wanted:
        return None
    writer = _Writer(request, form.header.contact_column, destinations)
    try:
        for records, line_nos in form.batches(file):
            columns = form.columns(records) if isinstance(line_nos, range) else None
            if columns is None or not writer.takes(columns):
                return None
    except (BadContact, BadHeader):
        return None
    return writer.finished(form.first_line_no)


class _Writer:
    def __init__(self, request: IO[bytes], header: str, destinations: int) -> None:
        self._request, self._header, self._destinations = request, header, destinations
        self._hashes: set[int] = set()  # of the contact ids; of two with the same hash the slow way says which they are
        self._kinds: set[str] = set()  # of numbers
        self._count = self._everywhere = 0
        self._digest = sha256()

    def takes(self, columns: Columns) -> bool:
        """Write some lines, or say that they are for the slow way."""
        if may_be_wrong(columns, self._destinations):
            return False
        contact_ids = "\n".join(columns.contact_ids)
        kind = unremarkable(contact_ids, self._header)
        if kind is None or _needs_escape(contact_ids) or any(map(_needs_escape, set(columns.audiences))):
            return False
        self._kinds.add(kind)
        self._hashes.update(map(hash, columns.contact_ids))
        self._count += len(columns.contact_ids)
        self._everywhere += columns.destination_indexes.count(None)
        lines = _lines(columns)
        self._digest.update(lines)
        self._request.write(lines)
        return True

    def finished(self, first_line_no: int) -> PlainLines | None:
        if not self._count or len(self._hashes) < self._count or self._kinds >= {"+", "0"}:
            return None
        line_nos = range(first_line_no, first_line_no + self._count)
        return PlainLines(line_nos, self._everywhere, self._digest.hexdigest())


def _needs_escape(text: str) -> bool:
    """In a string of JSON; control characters are not there."""
    return '"' in text or "\\" in text


def _lines(columns: Columns) -> bytes:
    """As the encoder writes them."""
    indexes = columns.destination_indexes
    has_indexes = indexes.count(None) < len(indexes)
    kinds: list[Any] = list(zip(columns.audiences, indexes, strict=True)) if has_indexes else columns.audiences
    ends = {kind: _end(*kind) if has_indexes else _end(kind, None) for kind in set(kinds)}  # few differ
    pieces = [_HEAD] * (3 * len(kinds))
    pieces[1::3] = columns.contact_ids
    pieces[2::3] = map(ends.__getitem__, kinds)
    return "".join(pieces).encode()


def _end(audience: str, index: int | None) -> str:
    """What stands behind the id."""
    named = f',"audience":"{audience}"' if audience else ""
    pointed = "" if index is None else f',"destination_index":{index}'
    return f'"{named}{pointed}}}\n'
