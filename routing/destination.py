"""Fills a broadcast's destination template for one visit. Pure."""

from urllib.parse import quote
from uuid import UUID

from records.broadcast import Broadcast
from records.destination import KEPT, MAX_LOCATION_BYTES, filled, parts_of
from records.link import Link


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
    return before + joint + quote(query.encode("latin-1"), safe=KEPT.replace("#", "")) + hash_mark + fragment
