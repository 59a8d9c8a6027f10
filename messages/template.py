"""The text of a broadcast, parsed once: constants, fields and links."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from messages.urls import Span, urls_of
from records.text import FIELD_NAME

MAX_TEXT = 10_000  # characters
_BRACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FIELD = re.compile(f"({FIELD_NAME})(?:\\|(.*))?", re.ASCII | re.DOTALL)
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")


class TextFault(ValueError):
    """What is wrong with a text, where, and what is expected."""


class FieldSlot(NamedTuple):
    name: str
    default: str | None  # None: a contact without the field gets no message


class LinkSlot(NamedTuple):
    url: str  # as the text has it


Part = str | FieldSlot | LinkSlot


class Template(msgspec.Struct, frozen=True):
    parts: tuple[Part, ...]
    bare_domains: tuple[str, ...]

    @property
    def urls(self) -> list[str]:
        """The URLs of the text in their order, each once."""
        return list(dict.fromkeys(part.url for part in self.parts if isinstance(part, LinkSlot)))

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(part.name for part in self.parts if isinstance(part, FieldSlot))

    @property
    def required(self) -> frozenset[str]:
        """The fields that have no default in one place or another."""
        slots = (part for part in self.parts if isinstance(part, FieldSlot))
        return frozenset(slot.name for slot in slots if slot.default is None)


def parsed(text: str, known: Collection[str] = ()) -> Template:
    """Raises TextFault, by line and column. known: destinations, which are found also where text is glued to them."""
    _check_characters(text)
    urls = urls_of(text, known)
    if urls.wide:
        wide = _piece(text, urls.wide[0])
        raise _fault(text, urls.wide[0].start, f"{wide} is in wide characters; write https:// in narrow ones")
    if urls.unclear:
        raise _fault(text, urls.unclear[0], _unclear(text[urls.unclear[0]]))
    if urls.broken:
        raise _fault(text, urls.broken[0].start, "no URL follows here; a field may not stand in scheme or host")
    if not urls.whole:
        near = f"; write https:// before {_piece(text, urls.bare[0])}" if urls.bare else ""
        raise TextFault(f"holds no URL, so there is nothing to make a link of{near}")
    parts: list[Part] = []
    place = 0
    for span in urls.whole:
        parts += _pieces(text, place, span.start)
        _check_url(text, span)
        parts.append(LinkSlot(_piece(text, span)))
        place = span.end
    parts += _pieces(text, place, len(text))
    return Template(tuple(_joined(parts)), tuple(_piece(text, span) for span in urls.bare))


def moved(text: str, before: Sequence[str], after: Sequence[str]) -> str:
    """The text with the destinations before replaced by those after at the same index. Raises TextFault."""
    places = {url: after[before.index(url)] for url in before[: len(after)]}
    spans = urls_of(text, before).whole
    for span in reversed(spans):
        url = _piece(text, span)
        if url in places:
            text = text[: span.start] + places[url] + text[span.end :]
    return text


def _pieces(text: str, start: int, end: int) -> list[Part]:
    """What stands between two links."""
    parts: list[Part] = []
    place = start
    for found in _BRACE.finditer(text, start, end):
        parts.append(_composed(text[place : found.start()]))
        parts.append(_brace(text, found))
        place = found.end()
    parts.append(_composed(text[place:end]))
    return parts


def _brace(text: str, found: "re.Match[str]") -> Part:
    if found[0] in ("{{", "}}"):
        return found[0][0]
    if found[1] is None:
        what = "is opened and not closed" if found[0] == "{" else "was not opened"
        raise _fault(text, found.start(), f"a brace {what}; write {{field}}, or {{{{ and }}}} for braces")
    field = _FIELD.fullmatch(found[1])
    if field is None:
        expected = "expected {field} or {field|default}, a letter and up to 31 more of a-z, 0-9, _"
        raise _fault(text, found.start(), f"{found[0][:60]} names no field; {expected}")
    return FieldSlot(field[1], None if field[2] is None else _composed(field[2]))


def _check_url(text: str, span: Span) -> None:
    """Raises TextFault for braces that no destination may have."""
    for found in _BRACE.finditer(text, span.start, span.end):
        if found[1] is not None and "|" in found[1]:
            raise _fault(text, found.start(), f"{found[0][:60]} stands in a URL, where a field has no default")
        if found[1] is None:
            raise _fault(text, found.start(), "a URL holds a single brace; write %7B or %7D, or {field}")


def _check_characters(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise TextFault(f"has {len(text)} characters; at most {MAX_TEXT} are allowed")
    if found := _CONTROL.search(text):
        detail = f"a control character (U+{ord(found[0]):04X}) stands here; only ends of lines may"
        raise _fault(text, found.start(), detail)


def _joined(parts: list[Part]) -> list[Part]:
    """Constants that follow each other as one, without empty ones."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return joined


def _piece(text: str, span: Span) -> str:
    return text[span.start : span.end]


def _composed(text: str) -> str:
    """In NFC, which an editor of macOS may not write: an accent by itself is outside GSM-7, and costs a character."""
    return unicodedata.normalize("NFC", text)


def _unclear(character: str) -> str:
    itself = "%27" if character == "'" else quote(character)
    named = f"{character!r} (U+{ord(character):04X})"
    return f"does the URL end before {named}? write a space there, or {itself} for it if it belongs to the URL"


def _fault(text: str, place: int, detail: str) -> TextFault:
    line = text.count("\n", 0, place) + 1
    column = place - text.rfind("\n", 0, place)
    return TextFault(f"line {line}, column {column}: {detail}")
