"""Fills the placeholders of a destination template. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

# Every printable ASCII character stays as it is; the rest (spaces, controls, non-ASCII) is percent-encoded, so
# that no destination can end the Location header or start another.
KEPT = "".join(map(chr, range(0x21, 0x7F)))
MAX_LOCATION_BYTES = 8000  # what everybody should take (RFC 9110 4.1); beyond it many a server answers 414
_PLACEHOLDER = re.compile(r"\{(contact_id|code|broadcast_id|click_id)\}")


@lru_cache(16384)
def parts_of(template: str) -> list[str]:
    """The template as it can stand in a Location header, with the placeholders' names at the odd places."""
    return _PLACEHOLDER.split(ascii_url(template))


def filled(parts: list[str], values: Mapping[str, str]) -> str:
    """The values, URL-encoded, in the places of their names."""
    return "".join(quote(values[part], safe="") if i % 2 else part for i, part in enumerate(parts))


def ascii_url(url: str) -> str:
    """A URL that can stand in a Location header."""
    return quote(url, safe=KEPT)
