"""Makes the message of each contact: what does not depend on the contact is done once."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from messages.opt_out import says_opt_out
from messages.segments import Counted, Encoding, beyond_basic, counted, first_beyond_gsm7, plain_gsm7
from messages.template import FieldSlot, LinkSlot, Template
from messages.urls import PUBLIC_SHORTENERS, holds_url, host_of
from messages.warnings import Kind, Warned
from routing.destination import own_fields

MOST_SEGMENTS = 3
_REMEMBERED = 1024  # names of fields
_OWN = ("contact_id", "audience")  # parts of a line that a text may name like fields
_UNSEEN = frozenset({"Po", "Pe", "Pf", "Pi", "Ps", "Pd", "Pc", "Zs", "Cf"})
_SEVERAL, _OVER = Warned(Kind.SEVERAL_SEGMENTS), Warned(Kind.OVER_THREE)


class Composed(msgspec.Struct, frozen=True, gc=False):
    """A message without its contact and links."""

    text: str
    encoding: Encoding
    units: int
    segments: int
    warnings: tuple[Warned, ...]


class Composer:
    """Fills one text. short_domain: of its links, which all have the same length."""

    def __init__(
        self, template: Template, destinations: Sequence[str], short_domain: str, *, asks_opt_out: bool = False
    ) -> None:
        self.always = tuple(_always(template, short_domain, asks_opt_out))
        self._pieces = [part if isinstance(part, str) else "" for part in template.parts]
        self._fields = [(i, *part) for i, part in enumerate(template.parts) if isinstance(part, FieldSlot)]
        self._names = tuple(dict.fromkeys(name for _, name, _ in self._fields))
        self._may_be_empty = dict.fromkeys([*self._names, *sorted(own_fields(destinations))])
        self._links = [
            (i, destinations.index(part.url)) for i, part in enumerate(template.parts) if isinstance(part, LinkSlot)
        ]
        self.destinations = 1 + max(index for _, index in self._links)  # how many it needs
        self._constant = sum(map(len, self._pieces))
        self._is_basic = not beyond_basic("".join(self._pieces) + short_domain)
        self.needs_own = any(name in _OWN for name in self._names)

    def message(self, fields: Mapping[str, str], urls: Sequence[str]) -> Composed:
        """urls: by destination, what stands for each. fields: with those that are required."""
        pieces = self._pieces.copy()
        length = self._constant
        for i, index in self._links:
            pieces[i] = urls[index]
            length += len(urls[index])
        values = ""
        for i, name, default in self._fields:
            value = fields[name] if default is None else fields.get(name, default)
            pieces[i] = value
            values += value
        text = "".join(pieces)
        is_plain = self._is_basic and not beyond_basic(values)
        count = plain_gsm7(length + len(values)) if is_plain else counted(text)
        return Composed(text, *count, self._warnings(text, count, fields, values))

    def filled(self, fields: Mapping[str, str], urls: Sequence[str]) -> str:
        """The text alone, with any URLs."""
        pieces = self._pieces.copy()
        for i, index in self._links:
            pieces[i] = urls[index]
        for i, name, default in self._fields:
            pieces[i] = fields[name] if default is None else fields.get(name, default)
        return "".join(pieces)

    def _warnings(self, text: str, count: Counted, fields: Mapping[str, str], values: str) -> tuple[Warned, ...]:
        warnings = self.always
        if count.segments > 1:
            warnings += (_SEVERAL, _OVER) if count.segments > MOST_SEGMENTS else (_SEVERAL,)
        if count.encoding == "ucs2":
            warnings += (self._unicode(first_beyond_gsm7(text), fields),)
        if "." in values or "/" in values:
            warnings += tuple(self._urls_in(fields))
        if empty := [name for name in self._may_be_empty if not fields.get(name, "-").strip()]:
            warnings += tuple(map(_empty, empty))
        return warnings

    def _unicode(self, character: str, fields: Mapping[str, str]) -> Warned:
        owner = next((name for _, name, _ in self._fields if character in fields.get(name, "")), "")
        return _because_of(character, owner)

    def _urls_in(self, fields: Mapping[str, str]) -> Iterator[Warned]:
        for name in self._names:
            if holds_url(fields.get(name, "")):
                yield _url_in(name)


def own_parts(contact_id: str, audience: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a line, with what a text may name beside them."""
    return {**fields, "contact_id": contact_id, "audience": audience}


def _always(template: Template, short_domain: str, asks_opt_out: bool) -> Iterator[Warned]:
    """What every message of a text is warned of."""
    parts = template.parts
    links = [i for i, part in enumerate(parts) if isinstance(part, LinkSlot)]
    if len(links) > 1:
        yield Warned(Kind.SEVERAL_LINKS)
    if not all(_is_nothing(parts[:i]) or _is_nothing(parts[i + 1 :]) for i in links):
        yield Warned(Kind.LINK_INSIDE)
    hosts = {host_of(url) for url in (*template.urls, *template.bare_domains, short_domain)}
    if hosts & PUBLIC_SHORTENERS:
        yield Warned(Kind.PUBLIC_SHORTENER)
    if template.bare_domains:
        yield Warned(Kind.BARE_DOMAIN)
    if asks_opt_out and not says_opt_out(" ".join(part for part in parts if isinstance(part, str))):
        yield Warned(Kind.NO_OPT_OUT)


def _is_nothing(parts: Sequence[object]) -> bool:
    """Whether a reader sees nothing there but punctuation, of any script, and spaces."""
    return all(isinstance(part, str) and not any(map(_is_seen, part)) for part in parts)


def _is_seen(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in _UNSEEN


@lru_cache(_REMEMBERED)
def _url_in(field: str) -> Warned:
    return Warned(Kind.URL_IN_FIELD, field=field)


@lru_cache(_REMEMBERED)
def _empty(field: str) -> Warned:
    return Warned(Kind.EMPTY_FIELD, field=field)


def _because_of(character: str, field: str) -> Warned:
    return Warned(Kind.UNICODE, character, field)
