"""Reads a list of contacts as a whole, in any form, and checks it before anything is done with it."""

from array import array
from collections.abc import Sequence
from typing import IO, Any, Protocol

import pyarrow as pa

from contacts.line import ALL, BadLine, Columns, ContactLine, Contacts, Fault, columns_of, fault_of, may_be_wrong, shown
from contacts.repeats import all_differ, repeats

BATCH_BYTES = 1024 * 1024


class Form(Protocol):
    """How a list is written down: NDJSON, CSV."""

    def columns(self, lines: list[bytes]) -> Columns | None:
        """Many lines at once, or None where one of them may be malformed. The fast way."""

    def line(self, raw: bytes) -> ContactLine | Fault:
        """One line, or what is wrong with its form. The slow way."""


class BadContact(Exception):
    """The first line that is wrong: which, where in it, and what is expected."""

    def __init__(self, line: int, field: str, error: str) -> None:
        super().__init__(f"line {line}: {error}")
        self.line, self.field = line, field


def read_contacts(
    file: IO[bytes], form: Form, destinations: int, *, skip_bad: bool, first_line_no: int = 1
) -> Contacts:
    """All lines from where the file stands; raises BadContact for the first bad one, unless skip_bad.

    destinations: how many the broadcast has. first_line_no: the number of the first line read.
    """
    reader = _Reader(form, destinations, skip_bad, first_line_no)
    while lines := file.readlines(BATCH_BYTES):
        reader.add(lines)
    return reader.finished()


class _Reader:
    def __init__(self, form: Form, destinations: int, skip_bad: bool, first_line_no: int) -> None:
        self._form, self._destinations, self._skip_bad = form, destinations, skip_bad
        self._next_line_no = first_line_no
        self._contact_ids: list[Any] = []  # a pa.Array for each batch
        self._hashes = array("q")  # of the contact ids
        self._audience_nos, self._indexes, self._line_nos = array("I"), array("h"), array("I")
        self._audiences: dict[str, int] = {}
        self._bad: list[BadLine] = []

    def add(self, lines: list[bytes]) -> None:
        columns = self._form.columns(lines)
        line_nos: Sequence[int] = range(self._next_line_no, self._next_line_no + len(lines))
        if columns is None or may_be_wrong(columns, self._destinations):
            columns, line_nos = self._one_by_one(lines)
        self._next_line_no += len(lines)
        self._keep(columns, line_nos)

    def finished(self) -> Contacts:
        contacts = Contacts(
            pa.chunked_array(self._contact_ids, pa.string()).combine_chunks(),
            self._audience_nos, self._indexes, self._line_nos, list(self._audiences), self._bad,
        )  # fmt: skip
        return contacts if all_differ(self._hashes) else self._without_repeats(contacts)

    def _one_by_one(self, lines: list[bytes]) -> tuple[Columns, list[int]]:
        """The lines without a fault, and their numbers."""
        right: list[ContactLine] = []
        line_nos: list[int] = []
        for line_no, raw in enumerate(lines, self._next_line_no):
            line = self._form.line(raw)
            fault = line if isinstance(line, Fault) else fault_of(line, self._destinations)
            if fault:
                self._refuse(line_no, fault)
                continue
            right.append(line)  # type: ignore[arg-type]
            line_nos.append(line_no)
        return columns_of(right), line_nos

    def _keep(self, columns: Columns, line_nos: Sequence[int]) -> None:
        for audience in dict.fromkeys(columns.audiences):
            self._audiences.setdefault(audience, len(self._audiences))
        self._contact_ids.append(pa.array(columns.contact_ids, pa.string()))
        self._hashes.extend(map(hash, columns.contact_ids))
        self._audience_nos.extend(map(self._audiences.__getitem__, columns.audiences))
        self._indexes.extend([ALL if index is None else index for index in columns.destination_indexes])
        self._line_nos.extend(line_nos)

    def _refuse(self, line_no: int, fault: Fault) -> None:
        if not self._skip_bad:
            raise BadContact(line_no, *fault)
        self._bad.append(BadLine(line_no, fault.error))

    def _without_repeats(self, contacts: Contacts) -> Contacts:
        first_asked_on = repeats(contacts, self._destinations)
        for row, line_no in first_asked_on.items():
            error = f"contact {shown(contacts.contact_ids[row].as_py())} was on line {line_no} already"
            self._refuse(contacts.line_nos[row], Fault("contact_id", error))
        self._bad.sort(key=lambda bad: bad.line)
        return contacts.only([row not in first_asked_on for row in range(len(contacts))])
