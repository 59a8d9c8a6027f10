"""How the pages of a short domain look, as people say it."""

import re
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from records.forms import form_of_texts
from records.hosts import with_ascii_host

ENGLISH = "en"
Language = Literal["en", "de", "fr", "es", "it", "pt", "nl"]

_COLOR = r"^#([0-9A-Fa-f]{3}){1,2}(?!\n)$"  # Python's "$" stands before a last line feed too
# What a source of a content security policy may be: CSP level 3, host-source.
_ORIGIN = re.compile(r"(https://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?)(?=[/?#]|\Z)", re.ASCII | re.IGNORECASE)


class Page(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the pages of a domain look. The language is for visitors whose own the pages are not in."""

    color: Annotated[str, Meta(pattern=_COLOR, description="#rgb or #rrggbb, such as #0a5")] | None = None
    logo: Annotated[str, Meta(description="https URL of an image")] | None = None
    language: Language | None = None


def is_color(text: str) -> bool:
    return re.match(_COLOR, text) is not None


@lru_cache(1024)
def origin_of(url: str) -> str:
    """The origin of an https URL, as a content security policy names it; "" for what such a policy cannot name."""
    found = _ORIGIN.match(with_ascii_host(url))
    return found[1].lower() if found else ""


PAGE = form_of_texts(Page)
