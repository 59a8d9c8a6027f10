"""Accept-Language -> the language a visitor reads. Pure."""

import re
from collections.abc import Container, Iterator
from functools import lru_cache
from operator import itemgetter

_MAX_CHARACTERS = 35  # RFC 5646 4.4.1
_MAX_MEMBERS = 64  # a header of 1,024 characters may have hundreds
_REMEMBERED = 4096
# Up to the extensions and private use of RFC 5646 2.2.6, which say digits or a calendar and no language.
_TAG = re.compile(r"([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)(?:-[A-Za-z0-9](?:-[A-Za-z0-9]{1,8})+)?\Z")
_NEW_NAMES = {"iw": "he", "in": "id", "ji": "yi"}  # Android and Java send the old ones (RFC 5646 4.5)
_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")  # RFC 9110 12.4.2


@lru_cache(_REMEMBERED)
def language_of(accept_language: str) -> str:
    """The tag that weighs most, the first of equals, in the letter case of RFC 5646 2.1.1; "" where there is none.

    A weight of 0 refuses a language (RFC 9110 12.5.4). What is no tag, such as "*", names no language.
    """
    return max(_acceptable(accept_language), key=itemgetter(0), default=(0.0, ""))[1]


def first_known(accept_language: str, known: Container[str]) -> str:
    """The language that weighs most of those that are known by their primary subtag, such as "de"; "" for none."""
    for _, tag in sorted(_acceptable(accept_language), key=itemgetter(0), reverse=True):
        if (language := tag.partition("-")[0]) in known:
            return language
    return ""


def _acceptable(accept_language: str) -> Iterator[tuple[float, str]]:
    """Weight and tag of each language that is not refused, in the order of the header."""
    for member in accept_language.split(",", _MAX_MEMBERS)[:_MAX_MEMBERS]:
        tag, _, parameters = member.partition(";")
        weight = _weight(parameters)
        if weight > 0 and (language := _language(tag.strip(" \t"))):
            yield weight, language


def _language(tag: str) -> str:
    if len(tag) > _MAX_CHARACTERS or not (known := _TAG.match(tag)):
        return ""
    language, *rest = known[1].lower().split("-")
    return "-".join([_NEW_NAMES.get(language, language), *map(_subtag, rest)])


def _weight(parameters: str) -> float:
    """1 without one; 0 for one that is none: nobody can say what it means."""
    if not parameters.strip(" \t"):
        return 1.0
    name, _, value = parameters.partition("=")
    value = value.strip(" \t")
    return float(value) if name.strip(" \t").lower() == "q" and _WEIGHT.match(value) else 0.0


def _subtag(subtag: str) -> str:
    if len(subtag) == 2:
        return subtag.upper()
    return subtag.title() if len(subtag) == 4 and subtag.isalpha() else subtag
