"""The URLs of a text, as messaging apps find them. For the text of a broadcast, once: some 0.2 ms."""

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from linkify_it import LinkifyIt
from linkify_it.tlds import TLDS

# Public shorteners: carriers block messages that hold one, whoever sends them.
PUBLIC_SHORTENERS = frozenset(
    {
        "adf.ly", "bit.do", "bit.ly", "bl.ink", "buff.ly", "cutt.ly", "dlvr.it", "dub.sh", "goo.gl", "is.gd", "j.mp",
        "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "s.id", "shorte.st", "short.io", "shorturl.at", "soo.gd", "t.co",
        "t.ly", "t2m.io", "tiny.cc", "tiny.one", "tinyurl.com", "urlz.fr", "v.gd",
    }
)  # fmt: skip
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_AFTER = "”’»“„…\"'"  # noqa: RUF001 - linkify-it takes these into a URL that they follow
_MAYBE = re.compile(r"://|www\.|[^\s.]\.[^\W\d_]{2,}", re.IGNORECASE)


class Span(NamedTuple):
    """A piece of a text."""

    start: int
    end: int


class Urls(NamedTuple):
    """What of a text is tapped."""

    whole: list[Span]  # with http:// or https://
    bare: list[Span]  # domains without a scheme, which some apps make a link of
    broken: list[Span]  # a scheme that no URL follows


def urls_of(text: str) -> Urls:
    whole: list[Span] = []
    bare: list[Span] = []
    for match in _linkify().match(text) or []:
        if _SCHEME.match(match.raw):
            url = match.raw.rstrip(_AFTER)
            whole.append(Span(match.index, match.index + len(url)))
        elif match.schema in ("", "//"):
            bare.append(Span(match.index, match.last_index))
    starts = {span.start for span in whole}
    broken = [Span(*found.span()) for found in _SCHEME.finditer(text) if not _is_within(found.start(), whole, starts)]
    return Urls(whole, bare, broken)


def holds_url(text: str) -> bool:
    """Whether an app would make a link of a part of a short text."""
    if not _MAYBE.search(text):
        return False
    return any(match.schema != "mailto:" for match in _linkify().match(text) or [])


def host_of(url: str) -> str:
    """In lower case; "" where there is none."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _is_within(place: int, spans: list[Span], starts: set[int]) -> bool:
    return place in starts or any(span.start <= place < span.end for span in spans)


@cache
def _linkify() -> LinkifyIt:
    return LinkifyIt().tlds([*TLDS, "example", "test"])
