"""Fields of a contact, such as `first_name`: what a line may name and hold, and what a list must have. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

import msgspec

from records.text import FIELD_NAME, control_character, shown

MAX_FIELD = 256  # characters of a value
Fields = Mapping[str, str]
STANDS_APART = ("contact_id", "audience", "destination_index")  # parts of a line, never fields
NAME = re.compile(FIELD_NAME, re.ASCII)
# Marks that turn a line around (UAX 9), and the two that end one in Unicode alone.
_TURNING = re.compile("[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
DOTS = frozenset({".", ".."})  # what a browser takes for a step in a path, however it is escaped


class FieldNeeds(msgspec.Struct, frozen=True):
    """Which fields of a list count: those that the text and the destinations name."""

    wanted: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()  # those of them that have no default
    skips_missing: bool = False  # a line without a required field is left out, instead of refusing the list


NO_FIELDS = FieldNeeds()


def composed(fields: Fields) -> dict[str, str]:
    """The same texts in NFC: an accent is one character with its letter."""
    return {name: unicodedata.normalize("NFC", value) for name, value in fields.items()}


def field_fault(fields: Fields) -> tuple[str, str] | None:
    """The first field that may not be, and why. The slow way: names the fault."""
    for name, value in fields.items():
        if not NAME.fullmatch(name):
            said = f"the field name {shown(name)} is not one; expected a letter and up to 31 more of a-z, 0-9, _"
            return (name if len(name) <= 32 else "fields"), said
        if name in STANDS_APART:
            return name, f"{name} stands beside the fields of a contact; take it out of them"
        if fault := _value_fault(value):
            return name, f"field {name} {fault}"
    return None


def missing_field(fields: Fields, required: frozenset[str]) -> str | None:
    return next((name for name in sorted(required) if name not in fields), None)


def fields_may_be_wrong(lines: Sequence[Fields] | None, required: frozenset[str]) -> bool:
    """Whether field_fault or missing_field may find something, or a text is not in NFC: a no is certain. Fast."""
    if not lines or not any(lines):
        return bool(required)
    names = set().union(*lines)
    values = [value for fields in lines for value in fields.values()]
    text = "".join(values)
    return not (
        all(map(NAME.fullmatch, names))
        and names.isdisjoint(STANDS_APART)
        and (not values or len(max(values, key=len)) <= MAX_FIELD)
        and text.isprintable()
        and unicodedata.is_normalized("NFC", text)
        and DOTS.isdisjoint(values)
        and all(map(required.issubset, lines))
    )


def _value_fault(value: str) -> str | None:
    if len(value) > MAX_FIELD:
        return f"has {len(value)} characters; at most {MAX_FIELD} are allowed"
    if control_character(value) is not None:
        return f"has a control character: {shown(value)}; take it out"
    if turning := _TURNING.search(value):
        return f"has the invisible mark U+{ord(turning[0]):04X}, which turns or ends a line; take it out"
    if value in DOTS:
        return f"is {value!r}, which is a step in a path and no text; write something else"
    return None
