"""Checks a contacts file as a whole, before anything of it is sent: a bad file mints nothing."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from cli.api import warn
from cli.plain import printable
from contacts.bad_lines import BadContact, BadLine
from contacts.columns import NO_MAP, BadHeader, mapping_of
from contacts.csv_form import CsvForm, csv_form
from contacts.encoding import UTF8, Encoding
from contacts.encoding_names import EXAMPLES, encoding_named
from contacts.fields import NO_FIELDS, FieldNeeds
from contacts.line import ALL, ContactLine, Contacts
from contacts.plain_lines import plain_lines

BATCH_LINES = 50_000
MAX_NAMED = 10  # columns

_encoder = msgspec.json.Encoder()


class ContactsError(Exception):
    """One line: where the file is wrong and what is expected."""


class Checked(msgspec.Struct, frozen=True):
    """What a file holds. The request's line n is the file's line contacts.line_nos[n - 1]."""

    contacts: Contacts
    digest: str  # of the request
    notes: list[str]  # how the file was read, and what of it is not used
    warnings: list[str]  # what may be wrong with it


def checked(
    path: Path,
    request: IO[bytes],
    destinations: int,
    *,
    skip_bad: bool,
    needs: FieldNeeds = NO_FIELDS,
    mapping: Mapping[str, str] = NO_MAP,
    encoding: Encoding | None = None,
) -> Checked:
    """Write the good lines to `request` as NDJSON; raises ContactsError at the first bad line unless skip_bad.

    destinations: how many the broadcast has, which each line without a destination_index asks for. needs: the fields
    that are sent. mapping: the columns that are not called as they are used, by what they are. encoding: of
    a file that does not say it itself.
    """
    # pyarrow and numpy, 0.15 s, are for lists that are not plain.
    from contacts.phones import phone_warnings  # noqa: PLC0415
    from contacts.reader import read_contacts  # noqa: PLC0415

    with path.open("rb") as file:
        try:
            form = csv_form(file, mapping, needs, encoding)
            contacts = read_contacts(file, form, destinations, skip_bad=skip_bad, needs=needs)
        except BadHeader as error:
            raise ContactsError(f"{path}: {error}") from None
        except BadContact as error:
            raise ContactsError(f"{path}: {error}; nothing was minted") from None
    if not len(contacts):
        good = "good " if contacts.bad else ""
        raise ContactsError(f"{path}: it has no {good}contacts below its header; nothing was minted")
    warnings = phone_warnings(contacts, form.header.contact_column)
    return Checked(contacts, _write(contacts, request), _notes(path, form), warnings)


class Lines(msgspec.Struct, frozen=True):
    """What a minting needs to know of its lines. The request's line n is the file's line line_nos[n - 1]."""

    line_nos: Sequence[int]
    everywhere: int  # of the lines, those that ask for a link to each destination
    digest: str  # of the request
    bad: Sequence[BadLine] = ()

    @property
    def skipped(self) -> int:
        return sum(bad.lines for bad in self.bad)

    def links(self, destinations: int) -> int:
        """How many links the lines ask for."""
        return self.everywhere * destinations + len(self.line_nos) - self.everywhere


class EncodingName(click.ParamType[Encoding]):
    name = "encoding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Encoding:
        return encoding_named(value) or self.fail(f"{value!r} is no encoding; expected such as {EXAMPLES}", param, ctx)


encoding_option = click.option(
    "--encoding", type=EncodingName(), default=None, help="Of CONTACTS, where it is neither UTF-8 nor says it itself."
)


class Reading(msgspec.Struct, frozen=True):
    """How a command wants a file of contacts read."""

    path: Path
    needs: FieldNeeds = NO_FIELDS  # the fields that are sent
    columns: tuple[str, ...] = ()  # as --map says
    encoding: Encoding | None = None
    skip_bad: bool = False


def lines_aloud(reading: Reading, request: IO[bytes], destinations: int) -> Lines:
    """As `checked_aloud`; in a third of the time where the file is plain and right."""
    with reading.path.open("rb") as file:
        try:
            form = csv_form(file, mapping_of(reading.columns), reading.needs, reading.encoding)
        except BadHeader as error:
            raise click.ClickException(f"{reading.path}: {error}") from None
        plain = plain_lines(form, file, destinations, reading.needs, request)
    if plain is not None:
        _tell(_notes(reading.path, form))
        return Lines(plain.line_nos, plain.everywhere, plain.digest)
    request.seek(0)
    request.truncate()
    lines = checked_aloud(reading, request, destinations)
    contacts = lines.contacts
    bad = [*contacts.bad, *([contacts.bad_rest] if contacts.bad_rest else [])]
    return Lines(contacts.line_nos, contacts.destination_indexes.count(ALL), lines.digest, bad)


def checked_aloud(reading: Reading, request: IO[bytes], destinations: int) -> Checked:
    """As `checked`, for a command: notes and warnings are shown, a bad file ends it."""
    try:
        lines = checked(
            reading.path, request, destinations, skip_bad=reading.skip_bad, needs=reading.needs,
            mapping=mapping_of(reading.columns), encoding=reading.encoding,
        )  # fmt: skip
    except (ContactsError, BadHeader) as error:
        raise click.ClickException(str(error)) from None
    _tell(lines.notes)
    for warning in lines.warnings:
        warn(warning)
    return lines


def _tell(notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(printable(note), err=True)


def _notes(path: Path, form: CsvForm) -> list[str]:
    unused = form.header.unused
    more = f" and {len(unused) - MAX_NAMED} more" if len(unused) > MAX_NAMED else ""
    columns = ", ".join(unused[:MAX_NAMED]) + more
    kind = "column" if len(unused) == 1 else "columns"
    return [
        *([f"{path} was read as {_told(form.encoding)}"] if form.encoding.name != UTF8.name else []),
        *([f"{path}: {len(unused)} {kind} not used: {columns}"] if unused else []),
    ]


def _told(encoding: Encoding) -> str:
    word = printable(encoding.guessed_from)
    guess = f", which gives words such as {word}; if they are wrong, say --encoding" if word else ""
    return encoding.name + guess


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
