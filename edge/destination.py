"""Fills a broadcast's destination template for one visit. Pure."""

import re
from functools import lru_cache
from urllib.parse import quote
from uuid import UUID

from records.broadcast import Broadcast
from records.link import Link

# Every printable ASCII character stays as it is; the rest (spaces, controls, non-ASCII) is percent-encoded, so
# that no destination can end the Location header or start another.
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
_PLACEHOLDER = re.compile(r"\{(contact_id|code|broadcast_id|click_id)\}")


def destination_for(broadcast: Broadcast, link: Link, code: str, query: str, click_id: bytes) -> str:
    """The absolute URL to redirect to, pure ASCII: placeholders URL-encoded, the query appended if it is forwarded."""
    template = broadcast.destinations[link.destination_index]
    parts = _parts(template)
    if len(parts) == 1:
        url = parts[0]
    else:
        values = {
            "contact_id": link.contact_id,
            "code": code,
            "broadcast_id": broadcast.broadcast_id,
            "click_id": str(UUID(bytes=click_id)) if "{click_id}" in template else "",
        }
        # re.split leaves the placeholders' names at the odd places.
        url = "".join(quote(values[part], safe="") if i % 2 else part for i, part in enumerate(parts))
    return with_query(url, query) if query and broadcast.forward_query else url


@lru_cache(16384)
def _parts(template: str) -> list[str]:
    return _PLACEHOLDER.split(ascii_url(template))


def ascii_url(url: str) -> str:
    """A URL that can stand in a Location header."""
    return quote(url, safe=_KEPT)


def with_query(url: str, query: str) -> str:
    """The visit's query after the destination's own and before its fragment."""
    before, hash_mark, fragment = url.partition("#")
    joint = "&" if "?" in before else "?"
    return before + joint + quote(query.encode("latin-1"), safe=_KEPT.replace("#", "")) + hash_mark + fragment
