"""A line of a list of contacts and the rules that it must keep. Every reader of contacts asks here."""

import re
from array import array
from collections.abc import Collection, Sequence
from itertools import compress
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from contacts.bad_lines import BadLine
from contacts.fields import DOTS, NO_FIELDS, FieldNeeds, Fields, field_fault, fields_may_be_wrong, missing_field
from contacts.kept_fields import KeptFields
from records.erasure import TOKEN, is_token
from records.link import CANARY
from records.text import control_character, shown

MAX_CONTACT_ID = 256  # characters, as the next
MAX_AUDIENCE = 128
MAX_DESTINATION_INDEX = 31
# 4.91516E+12 of a spreadsheet, 4915161234567.0 of a script.
_SHORTENED = re.compile(r"\+?\d([.,]\d+)?[eE]\+\d{1,2}|\+?\d{7,}[.,]0", re.ASCII)
# One of them is in each that needs a closer look; a search for them costs a tenth.
_SIGNS = ("E+", "e+", ".0\n", ",0\n", f"\n{CANARY}", f"\n{TOKEN}")
ALL = -1  # in a column of destination indexes: the line names none and gets one link per destination


class ContactLine(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One line in: a contact that gets a link, or one link per destination when it names none."""

    # The bounds are for readers of the schema alone: fault_of checks them, with one wording for every form.
    contact_id: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_CONTACT_ID})]
    audience: Annotated[str, Meta(extra_json_schema={"maxLength": MAX_AUDIENCE})] = ""
    destination_index: (
        Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": MAX_DESTINATION_INDEX})] | None
    ) = None
    # Names are [a-z][a-z0-9_]{0,31}, values have 256 characters at most (contacts/fields.py).
    fields: dict[str, str] = {}


class Columns(msgspec.Struct, frozen=True):
    """Some lines, column by column."""

    contact_ids: list[str]
    audiences: list[str]
    destination_indexes: list[int | None]
    fields: list[Fields] | None = None  # of each line; None: no line has any


class Fault(NamedTuple):
    """What is wrong with a line; field: "" where it is the line as a whole."""

    field: str
    error: str
    is_missing: bool = False  # it lacks a field that is needed
    column: int = 0  # in the line, from 1, where the form of the line is wrong


class Contacts(msgspec.Struct, frozen=True):
    """The lines that are right, as columns of 10 bytes and the contact ids, those that are not, in their order, and
    the fields that count, which beyond a bound are on disk.
    """

    contact_ids: Any  # pa.Array of strings
    audience_nos: "array[int]"  # indexes into `audiences`
    destination_indexes: "array[int]"  # ALL for every destination
    line_nos: "array[int]"
    audiences: list[str]
    bad: list[BadLine]  # the first of them
    fields: KeptFields = msgspec.field(default_factory=KeptFields)
    bad_rest: BadLine | None = None  # stands for the bad lines that are not in `bad`

    def __len__(self) -> int:
        return len(self.line_nos)

    @property
    def bad_lines(self) -> int:
        """How many lines are bad, named or not."""
        return sum(bad.lines for bad in (*self.bad, self.bad_rest) if bad)

    def only(self, keep: list[bool]) -> "Contacts":
        """Without the lines that are not to be kept."""
        import pyarrow as pa  # noqa: PLC0415 - 0.15 s with numpy: `taptrail mint` reads plain files without it

        kept = pa.array(keep, pa.bool_())
        return msgspec.structs.replace(
            self,
            contact_ids=self.contact_ids.filter(kept),
            audience_nos=array("I", compress(self.audience_nos, keep)),
            destination_indexes=array("h", compress(self.destination_indexes, keep)),
            line_nos=array("I", compress(self.line_nos, keep)),
            fields=self.fields.only(keep),
        )

    def fields_of(self, rows: slice, names: Collection[str] | None = None) -> list[dict[str, str]]:
        """The fields that each of these lines has, of those named: without names, of all that count."""
        return self.fields.of(rows, names) if self.fields.names else [{} for _ in self.line_nos[rows]]

    def links(self, destinations: int) -> int:
        """How many links the lines ask for."""
        every = self.destination_indexes.count(ALL)
        return every * destinations + len(self) - every


def columns_of(lines: Sequence[ContactLine]) -> Columns:
    return Columns(
        [line.contact_id for line in lines],
        [line.audience for line in lines],
        [line.destination_index for line in lines],
        [line.fields for line in lines] if any(line.fields for line in lines) else None,
    )


def fault_of(line: ContactLine, destinations: int) -> Fault | None:
    """What is wrong with a line for a broadcast of so many destinations. The slow way: names the fault."""
    if not line.contact_id:
        return Fault("contact_id", "contact_id is empty")
    if line.contact_id in DOTS:
        return Fault("contact_id", f"contact_id is {line.contact_id!r}, which is a step in a path and no id")
    return (
        _text_fault("contact_id", line.contact_id, MAX_CONTACT_ID)
        or _shortened_fault(line.contact_id)
        or _canary_fault(line.contact_id)
        or _token_fault(line.contact_id)
        or _text_fault("audience", line.audience, MAX_AUDIENCE)
        or _index_fault(line.destination_index, destinations)
        or _of(field_fault(line.fields))
    )


def missing_fault(line: ContactLine, needs: FieldNeeds) -> Fault | None:
    """Says which field a line lacks that the text or a destination needs."""
    name = missing_field(line.fields, needs.required)
    return Fault(name, f"the field {name} is missing, and there is no default for it", True) if name else None


def may_be_wrong(columns: Columns, destinations: int, needs: FieldNeeds = NO_FIELDS) -> bool:
    """Whether fault_of may find something in these lines: a no is certain. The fast way, a fifth of the time."""
    contact_ids, audiences = columns.contact_ids, set(columns.audiences)  # few differ
    indexes = [index for index in set(columns.destination_indexes) if index is not None]
    return not (
        all(contact_ids)
        and DOTS.isdisjoint(contact_ids)
        and max(map(len, contact_ids)) <= MAX_CONTACT_ID
        and "".join(contact_ids).isprintable()
        and not any(map("\n".join(["", *contact_ids, ""]).__contains__, _SIGNS))
        and max(map(len, audiences)) <= MAX_AUDIENCE
        and "".join(audiences).isprintable()
        and all(0 <= index < destinations for index in indexes)
        and not fields_may_be_wrong(columns.fields, needs.required)
    )


def _of(fault: tuple[str, str] | None) -> Fault | None:
    return Fault(*fault) if fault else None


def _text_fault(field: str, text: str, most: int) -> Fault | None:
    if len(text) > most:
        return Fault(field, f"{field} has {len(text)} characters; at most {most} are allowed")
    if control_character(text) is not None:
        return Fault(field, f"{field} has a control character: {shown(text)}; take it out")
    return None


def _shortened_fault(contact_id: str) -> Fault | None:
    """A number whose last digits a spreadsheet or a script has dropped."""
    if not _SHORTENED.fullmatch(contact_id):
        return None
    remedy = "format the column as text where the numbers are whole, and export it again"
    return Fault("contact_id", f"contact_id is {shown(contact_id)}, a number that a spreadsheet shortened; {remedy}")


def _canary_fault(contact_id: str) -> Fault | None:
    if not contact_id.startswith(CANARY):
        return None
    return Fault("contact_id", f"contact_id is {shown(contact_id)}; canary: begins those of canaries, take it out")


def _token_fault(contact_id: str) -> Fault | None:
    if not is_token(contact_id):
        return None
    return Fault("contact_id", f"contact_id is {contact_id}, which stands for a contact that was erased; take it out")


def _index_fault(index: int | None, destinations: int) -> Fault | None:
    if index is None or 0 <= index < destinations:
        return None
    known = f"the broadcast has {destinations}, numbered from 0"
    return Fault("destination_index", f"there is no destination {index}; {known}")
