"""How the fields of a record are said outside: their form in the API, their option on the command line. Pure.

A field that people may set is `Annotated` with its Form, and with an Option where `taptrail ... put` has one. Bodies,
patches, answers and options are made of that.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import NODEFAULT, Meta

from records.text import control_character

Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset, e.g. 2026-05-01T09:00:00Z")]
Status = Literal[301, 302, 303, 307, 308]
Word = Annotated[str, Meta(max_length=64)]

MAX_ROBOTS_BYTES = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _same(value: Any) -> Any:
    return value


class Form(NamedTuple):
    """The form of a field in the API, and the way between it and the record."""

    in_body: Any  # its type there
    in_answer: Any
    to_record: Callable[[Any], Any] = _same  # ValueError goes on after the field's name: "holds a control character"
    from_record: Callable[[Any], Any] = _same
    unit: str = ""  # ends the field's name in the record, where a type says it in the API
    option: Mapping[str, Any] = {}  # what click has to know of the values of an option
    parts: tuple[str, ...] = ()  # of an object of texts, by name: an option says them as NAME=VALUE


class Option(NamedTuple):
    """An option of `taptrail ... put`."""

    help: str = ""
    name: str = ""  # where it is not the field's, as in --display-name


class Described(NamedTuple):
    """A field of a record that the API knows."""

    name: str  # in the API
    field: str  # in the record
    form: Form
    option: Option | None
    default: Any  # in the API; NODEFAULT: required

    @property
    def required(self) -> bool:
        return self.default is NODEFAULT


@cache
def described(record: type[msgspec.Struct]) -> tuple[Described, ...]:
    """The fields of a record that have a Form, in their order."""
    return tuple(
        _described(field, form) for field in msgspec.structs.fields(record) if (form := _said(field, Form)) is not None
    )


def _described(field: msgspec.structs.FieldInfo, form: Form) -> Described:
    default = field.default_factory() if field.default_factory is not NODEFAULT else field.default
    if default is not NODEFAULT:
        default = form.from_record(default)
    return Described(field.name.removesuffix(form.unit), field.name, form, _said(field, Option), default)


def _said(field: msgspec.structs.FieldInfo, kind: type) -> Any:
    return next((said for said in getattr(field.type, "__metadata__", ()) if isinstance(said, kind)), None)


def form_of_texts(kind: type[msgspec.Struct], checked: Callable[[str], str] = _same) -> Form:
    """Of an object of texts, none of them needed: the record keeps those that are said, by name.

    What a later release may have kept besides is left out of what is read.
    """
    names = kind.__struct_fields__

    def kept(given: msgspec.Struct | None) -> dict[str, str]:
        said = {} if given is None else msgspec.structs.asdict(given)
        return {name: checked(text) for name, text in said.items() if text}

    def said(kept: dict[str, str]) -> msgspec.Struct | None:
        known = {name: kept[name] for name in names if name in kept}
        return kind(**known) if known else None

    return Form(kind | None, kind | None, kept, said, parts=names)


def plain(text: str) -> str:
    """The text; raises ValueError for control characters: ends of lines, U+0000, escape sequences."""
    if character := control_character(text):
        raise ValueError(f"holds a control character (U+{ord(character):04X}); take it out")
    return text


def _robots(text: str) -> str:
    size = len(text.encode())
    if size > MAX_ROBOTS_BYTES:
        raise ValueError(f"has {size} bytes; at most {MAX_ROBOTS_BYTES} are allowed")
    for line in re.split("\r?\n", text):
        plain(line.replace("\t", " "))
    return text


def milliseconds(time: datetime | None) -> int:
    """Unix milliseconds, 0 for none; raises ValueError for what no message can have been sent in."""
    if time is None:
        return 0
    if not 1970 < time.year < 3000:
        raise ValueError(f"is {time.isoformat()}; expected a time between 1971 and 2999")
    return (time - _EPOCH) // _MILLISECOND


def time_of(ms: int) -> datetime | None:
    return moment_of(ms) if ms else None


def moment_of(ms: int) -> datetime:
    return _EPOCH + ms * _MILLISECOND


def _url(url: str | None) -> str:
    if url == "":
        raise ValueError('is ""; expected a URL, or null for none')
    return url or ""


def _json_texts(files: dict[str, Any]) -> dict[str, str]:
    return {name: msgspec.json.encode(content).decode() for name, content in files.items()}


def _json_values(files: dict[str, str]) -> dict[str, Any]:
    return {name: msgspec.json.decode(text) for name, text in files.items()}


def _or_none(value: Any) -> Any:
    return value or None


TEXT = Form(str, str)
MESSAGE = Form(str | None, str, lambda text: text or "")
WORD = Form(Word, str, plain)
NAME = Form(Annotated[str, Meta(max_length=200)], str, plain)
ROBOTS = Form(str, str, _robots)  # of lines
FLAG = Form(bool, bool)
TIME = Form(Time | None, Time | None, milliseconds, time_of, unit="_ms")
URL = Form(str | None, str | None, _url, _or_none)
URLS = Form(Annotated[list[str], Meta(min_length=1, max_length=32)], list[str], tuple, list, option={"multiple": True})
STATUS = Form(Status, int, option={"type": int})
STATUS_OR_NONE = Form(Status | None, int | None, lambda status: status or 0, _or_none, option={"type": int})
JSON_FILES = Form(dict[str, Any], dict[str, Any], _json_texts, _json_values)  # by name, as text in the record
