"""Reads a list of contacts as a whole, in any form, and checks it before anything is done with it."""

from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any, Generic, Protocol, TypeVar

import msgspec
import pyarrow as pa

from contacts.bad_lines import BadContact, BadLines
from contacts.fields import NO_FIELDS, FieldNeeds, composed
from contacts.kept_fields import KeptFields
from contacts.line import (
    ALL,
    Columns,
    ContactLine,
    Contacts,
    Fault,
    columns_of,
    fault_of,
    may_be_wrong,
    missing_fault,
)
from contacts.repeats import all_differ, repeats
from records.text import shown

L = TypeVar("L")


class Form(Protocol[L]):
    """How a list is written down: NDJSON, CSV. A line is what says one contact: of CSV the record, however long."""

    def batches(self, file: IO[bytes]) -> Iterator[tuple[list[L], Sequence[int]]]:
        """The lines and their numbers, many at a time."""

    def columns(self, lines: list[L]) -> Columns | None:
        """Many lines at once, or None where one of them may be malformed. The fast way."""

    def line(self, raw: L) -> ContactLine | Fault:
        """One line, or what is wrong with its form. The slow way."""


def read_contacts(
    file: IO[bytes],
    form: Form[L],
    destinations: int,
    *,
    skip_bad: bool,
    needs: FieldNeeds = NO_FIELDS,
) -> Contacts:
    """All lines from where the file stands; raises BadContact for the first bad one, unless skip_bad.

    destinations: how many the broadcast has. needs: which fields are kept; the others of a line keep the same rules.
    """
    reader = _Reader(form, destinations, skip_bad, needs)
    for lines, line_nos in form.batches(file):
        reader.add(lines, line_nos)
    return reader.finished()


class _Reader(Generic[L]):
    def __init__(self, form: Form[L], destinations: int, skip_bad: bool, needs: FieldNeeds) -> None:
        self._form, self._destinations, self._skip_bad, self._needs = form, destinations, skip_bad, needs
        self._contact_ids: list[Any] = []  # a pa.Array for each batch
        self._hashes = array("q")  # of the contact ids
        self._audience_nos, self._indexes, self._line_nos = array("I"), array("h"), array("I")
        self._audiences: dict[str, int] = {}
        self._bad = BadLines()
        self._fields = KeptFields(needs.wanted)

    def add(self, lines: list[L], line_nos: Sequence[int]) -> None:
        columns = self._form.columns(lines)
        if columns is None or may_be_wrong(columns, self._destinations, self._needs):
            columns, line_nos = self._one_by_one(lines, line_nos)
        if line_nos:
            self._keep(columns, line_nos)

    def finished(self) -> Contacts:
        contacts = Contacts(
            pa.chunked_array(self._contact_ids, pa.string()).combine_chunks(),
            self._audience_nos, self._indexes, self._line_nos, list(self._audiences), [],
            self._fields,
        )  # fmt: skip
        if not all_differ(self._hashes):
            contacts = self._without_repeats(contacts)
        return msgspec.structs.replace(contacts, bad=self._bad.named, bad_rest=self._bad.rest)

    def _one_by_one(self, lines: list[L], numbers: Sequence[int]) -> tuple[Columns, list[int]]:
        """The lines without a fault, and their numbers."""
        right: list[ContactLine] = []
        line_nos: list[int] = []
        for line_no, raw in zip(numbers, lines, strict=True):
            line = self._form.line(raw)
            checked = line if isinstance(line, Fault) else self._checked(line)
            if isinstance(checked, Fault):
                self._refuse(line_no, checked)
                continue
            right.append(checked)
            line_nos.append(line_no)
        return columns_of(right), line_nos

    def _checked(self, line: ContactLine) -> ContactLine | Fault:
        fault = fault_of(line, self._destinations) or missing_fault(line, self._needs)
        if fault or not line.fields:
            return fault or line
        return msgspec.structs.replace(line, fields=composed(line.fields))

    def _keep(self, columns: Columns, line_nos: Sequence[int]) -> None:
        for audience in dict.fromkeys(columns.audiences):
            self._audiences.setdefault(audience, len(self._audiences))
        self._contact_ids.append(pa.array(columns.contact_ids, pa.string()))
        self._hashes.extend(map(hash, columns.contact_ids))
        self._audience_nos.extend(map(self._audiences.__getitem__, columns.audiences))
        self._indexes.extend([ALL if index is None else index for index in columns.destination_indexes])
        self._line_nos.extend(line_nos)
        self._fields.add(columns.fields, len(line_nos))

    def _refuse(self, line_no: int, fault: Fault) -> None:
        if not (self._skip_bad or (fault.is_missing and self._needs.skips_missing)):
            raise BadContact(line_no, fault.field, fault.error, fault.column)
        self._bad.add(line_no, fault.error)

    def _without_repeats(self, contacts: Contacts) -> Contacts:
        first_asked_on = repeats(contacts, self._destinations)
        for row, line_no in enumerate(first_asked_on):
            if not line_no:
                continue
            error = f"contact {shown(contacts.contact_ids[row].as_py())} was on line {line_no} already"
            self._refuse(contacts.line_nos[row], Fault("contact_id", error))
        return contacts.only([not line_no for line_no in first_asked_on])
