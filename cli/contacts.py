"""Checks a contacts file as a whole, before anything of it is sent: a bad file mints nothing."""

from hashlib import sha256
from pathlib import Path
from typing import IO

import msgspec

from contacts.csv_form import FIRST_LINE_NO, BadHeader, csv_form
from contacts.fields import NO_FIELDS, FieldNeeds
from contacts.line import ALL, ContactLine, Contacts
from contacts.reader import BadContact, read_contacts

BATCH_LINES = 50_000

_encoder = msgspec.json.Encoder()


class ContactsError(Exception):
    """One line: where the file is wrong and what is expected."""


class Checked(msgspec.Struct, frozen=True):
    """What a file holds. The request's line n is the file's line contacts.line_nos[n - 1]."""

    contacts: Contacts
    digest: str  # of the request


def checked(
    path: Path, request: IO[bytes], destinations: int, *, skip_bad: bool, needs: FieldNeeds = NO_FIELDS
) -> Checked:
    """Write the good lines to `request` as NDJSON; raises ContactsError at the first bad line unless skip_bad.

    destinations: how many the broadcast has, which each line without a destination_index asks for. needs: the fields
    that are sent.
    """
    with path.open("rb") as file:
        try:
            form = csv_form(file)
            contacts = read_contacts(
                file, form, destinations, skip_bad=skip_bad, first_line_no=FIRST_LINE_NO, needs=needs
            )
        except BadHeader as error:
            raise ContactsError(f"{path}: {error}") from None
        except BadContact as error:
            raise ContactsError(f"{path}: {error}; nothing was minted") from None
    if not len(contacts):
        good = "good " if contacts.bad else ""
        raise ContactsError(f"{path}: it has no {good}contacts below its header; nothing was minted")
    return Checked(contacts, _write(contacts, request))


def _write(contacts: Contacts, request: IO[bytes]) -> str:
    """The digest of what was written: the same contacts have the same, in every version."""
    digest = sha256()
    for start in range(0, len(contacts), BATCH_LINES):
        lines = _encoder.encode_lines(_lines(contacts, slice(start, start + BATCH_LINES)))
        digest.update(lines)
        request.write(lines)
    return digest.hexdigest()


def _lines(contacts: Contacts, rows: slice) -> list[ContactLine]:
    audiences = [contacts.audiences[no] for no in contacts.audience_nos[rows]]
    indexes = [None if index == ALL else index for index in contacts.destination_indexes[rows]]
    fields = contacts.fields_of(rows)
    return list(map(ContactLine, contacts.contact_ids[rows].to_pylist(), audiences, indexes, fields))
