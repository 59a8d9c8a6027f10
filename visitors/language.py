"""Accept-Language -> the language a visitor reads. Pure."""

import re
from functools import lru_cache

_MAX_CHARACTERS = 35  # RFC 5646 4.4.1
_REMEMBERED = 4096
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")


@lru_cache(_REMEMBERED)
def language_of(accept_language: str) -> str:
    """The first tag of Accept-Language in the letter case of RFC 5646 2.1.1; "" where there is none."""
    tag = accept_language.partition(",")[0].partition(";")[0].strip()
    if len(tag) > _MAX_CHARACTERS or not _TAG.match(tag):
        return ""
    language, *rest = tag.lower().split("-")
    return "-".join([language, *map(_subtag, rest)])


def _subtag(subtag: str) -> str:
    if len(subtag) == 2:
        return subtag.upper()
    return subtag.title() if len(subtag) == 4 and subtag.isalpha() else subtag
