"""Fills a broadcast's destination template for one visit. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote
from uuid import UUID

from records.broadcast import Broadcast
from records.link import Link

PLACEHOLDERS = ("contact_id", "code", "broadcast_id", "click_id")
MAX_LOCATION_BYTES = 8000  # what everybody should take (RFC 9110 4.1); beyond it many a server answers 414
# Every printable ASCII character stays as it is; the rest (spaces, controls, non-ASCII) is percent-encoded, so
# that no destination can end the Location header or start another.
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
_KEPT_IN_QUERY = _KEPT.replace("#", "")
_PLACEHOLDER = re.compile(f"\\{{({'|'.join(PLACEHOLDERS)})\\}}")


def destination_for(broadcast: Broadcast, link: Link, code: str, query: str, click_id: bytes) -> str:
    """The absolute URL to redirect to, pure ASCII: placeholders URL-encoded, the query appended if it is forwarded.

    A query that would make it too long is left out: the page without it is better than none.
    """
    template = broadcast.destinations[link.destination_index]
    parts = parts_of(template)
    if len(parts) == 1:
        url = parts[0]
    else:
        values = {
            "contact_id": link.contact_id,
            "code": code,
            "broadcast_id": broadcast.broadcast_id,
            "click_id": str(UUID(bytes=click_id)) if "{click_id}" in template else "",
        }
        url = filled(parts, values)
    if not query or not broadcast.forward_query:
        return url
    longer = with_query(url, query)
    return longer if len(longer) <= MAX_LOCATION_BYTES else url


def with_query(url: str, query: str) -> str:
    """The visit's query after the destination's own and before its fragment."""
    before, hash_mark, fragment = url.partition("#")
    joint = "&" if "?" in before else "?"
    return before + joint + quote(query.encode("latin-1"), safe=_KEPT_IN_QUERY) + hash_mark + fragment


def filled(parts: list[str], values: Mapping[str, str]) -> str:
    """The values, URL-encoded, where their names stand."""
    return "".join(quote(values[part], safe="") if i % 2 else part for i, part in enumerate(parts))


def ascii_url(url: str) -> str:
    """A URL that can stand in a Location header."""
    return quote(url, safe=_KEPT)


@lru_cache(16384)
def parts_of(template: str) -> list[str]:
    """The template as it can stand in a Location header, with the placeholders' names at the odd indexes."""
    return _PLACEHOLDER.split(ascii_url(template))
