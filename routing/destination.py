"""Fills a broadcast's destination template for one visit. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote_plus
from uuid import UUID

from records.broadcast import Broadcast
from records.hosts import with_ascii_host
from records.link import Link
from records.qr_mark import without_mark
from records.text import FIELD_NAME
from routing.visit import Visit

PLACEHOLDERS = ("contact_id", "code", "broadcast_id", "click_id")
MAX_LOCATION_BYTES = 8000  # what everybody should take (RFC 9110 4.1); beyond it many a server answers 414
# Every printable ASCII character stays as it is; the rest (spaces, controls, non-ASCII) is percent-encoded, so
# that no destination can end the Location header or start another.
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
_KEPT_IN_QUERY = _KEPT.replace("#", "")
_STEPS = frozenset({".", ".."})  # no encoding keeps them from climbing in a path (WHATWG URL, "double-dot")
_IS_WEB = re.compile("https?://", re.IGNORECASE)
_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*\Z")  # RFC 3986 2.3
_PLACEHOLDER = re.compile(f"\\{{({FIELD_NAME})\\}}", re.ASCII)


def destination_for(broadcast: Broadcast, index: int, link: Link, visit: Visit, click_id: bytes) -> str:
    """The URL of that destination for this visit, pure ASCII: placeholders URL-encoded, the query added if forwarded.

    Never to what an app opens: a stranger could give a mail another recipient.

    A query that would make it too long is left out: the page without it is better than none.
    """
    template = broadcast.destinations[index]
    parts = _parts_of(template)
    if len(parts) == 1:
        url = parts[0]
    else:
        values = {
            "contact_id": link.contact_id,
            "code": visit.code,
            "broadcast_id": broadcast.broadcast_id,
            "click_id": str(UUID(bytes=click_id)) if "{click_id}" in template else "",
        }
        if link.contact_id in _STEPS:
            values["contact_id"] = ""
        if link.fields:
            values = link.fields | values
        # A field that the link does not have is empty: a page without it is better than none.
        url = "".join([_escaped(values.get(part, "")) if i % 2 else part for i, part in enumerate(parts)])
    if not visit.query or not broadcast.forward_query or not _IS_WEB.match(url):
        return url
    longer = _with_query(url, visit.query)
    return longer if len(longer) <= MAX_LOCATION_BYTES else url


def _escaped(value: str) -> str:
    """As one path segment or query value. Most have nothing to escape, and are found so in less time."""
    return value if _UNRESERVED.match(value) else quote(value, safe="")


def own_fields(destinations: Iterable[str]) -> frozenset[str]:
    """The fields of a contact that destinations name, beside what every link has."""
    named = {name for template in destinations for name in _PLACEHOLDER.findall(template)}
    return frozenset(named.difference(PLACEHOLDERS))


def _with_query(url: str, query: str) -> str:
    """The visit's query after the destination's own and before its fragment, without parameters that are there."""
    before, hash_mark, fragment = url.partition("#")
    _, mark, own = before.partition("?")
    joint = "&" if mark else "?"
    forwarded = quote(without_mark(query).encode("latin-1"), safe=_KEPT_IN_QUERY)
    if own:
        taken = _names_in(own)
        forwarded = "&".join([pair for pair in forwarded.split("&") if taken.isdisjoint(_names_in(pair))])
    return before + joint + forwarded + hash_mark + fragment if forwarded else url


def _names_in(query: str) -> set[str]:
    """The names of its parameters, alike where a server may take one for the other: many keep the last that comes.

    Servers differ: names without regard to case, `a[]` and `a[0]` as `a`, "." and " " as "_", nothing behind U+0000,
    and ";" between parameters.
    """
    return {_name_in(pair) for pair in re.split("[&;]", query) if pair}


def _name_in(pair: str) -> str:
    name = re.split(r"[\[\x00]", unquote_plus(pair.partition("=")[0]).strip(), maxsplit=1)[0]
    return name.casefold().replace(".", "_").replace(" ", "_")


@lru_cache(4096)
def ascii_url(url: str) -> str:
    """A URL that can stand in a Location header: its host in A-labels, the rest percent-encoded."""
    return quote(with_ascii_host(url), safe=_KEPT)


@lru_cache(16384)
def _parts_of(template: str) -> list[str]:
    """The template as it can stand in a Location header, with the placeholders' names at the odd indexes."""
    return _PLACEHOLDER.split(ascii_url(template))
