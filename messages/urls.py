"""The URLs of a text, as messaging apps find them. For the text of a broadcast, once: some 0.2 ms."""

import re
from collections.abc import Collection
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from linkify_it import LinkifyIt
from linkify_it.tlds import TLDS

from messages.url_end import end_of

# Public shorteners: carriers block messages that hold one, whoever sends them.
PUBLIC_SHORTENERS = frozenset(
    {
        "adf.ly", "bit.do", "bit.ly", "bl.ink", "buff.ly", "cutt.ly", "dlvr.it", "dub.sh", "goo.gl", "is.gd", "j.mp",
        "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly", "s.id", "shorte.st", "short.io", "shorturl.at", "soo.gd", "t.co",
        "t.ly", "t2m.io", "tiny.cc", "tiny.one", "tinyurl.com", "urlz.fr", "v.gd",
    }
)  # fmt: skip
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_ANY_SCHEME = re.compile("[hｈ][tｔ]{2}[pｐ][sｓ]?[:：][/／]{2}", re.IGNORECASE)  # noqa: RUF001
# Many languages have no space before a URL; linkify-it wants one, or punctuation.
_BEFORE = re.compile(r"[^\x00-\x7f](?=https?://|www\.)", re.IGNORECASE)
_AFTER = "\"'"  # linkify-it takes these into a URL that they follow
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
    unclear: list[int]  # where a URL of them may end, or go on
    wide: list[Span]  # a scheme in the wide characters of East Asian keyboards


def urls_of(text: str, known: Collection[str] = ()) -> Urls:
    """known: URLs that may stand there; one of them is found as it is, whatever text is glued to it."""
    wide = [Span(*found.span()) for found in _ANY_SCHEME.finditer(text) if not found[0].isascii()]
    urls = Urls([], [], [], [], wide)
    for match in _linkify().match(_BEFORE.sub(" ", text)) or []:
        if _SCHEME.match(match.raw):
            length, is_clear = _length(match.raw.rstrip(_AFTER), known)
            urls.whole.append(Span(match.index, match.index + length))
            if not is_clear:
                urls.unclear.append(match.index + length)
        elif match.schema in ("", "//"):
            urls.bare.append(Span(match.index, match.last_index))
    starts = {span.start for span in urls.whole}
    for found in _SCHEME.finditer(text):
        if not _is_within(found.start(), urls.whole, starts):
            urls.broken.append(Span(*found.span()))
    return urls


def holds_url(text: str) -> bool:
    """Whether an app would make a link of a part of a short text."""
    if not _MAYBE.search(text):
        return False
    return any(match.schema != "mailto:" for match in _linkify().match(_BEFORE.sub(" ", text)) or [])


def host_of(url: str) -> str:
    """In lower case; "" where there is none."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _length(url: str, known: Collection[str]) -> tuple[int, bool]:
    """How much of a piece is the URL, and whether that is clear."""
    fits = [len(each) for each in known if url.startswith(each) and _ends(url, len(each))]
    if fits:
        return max(fits), True
    end = end_of(url)
    piece = url[: end.place]
    if end.place < len(url):  # what was inside of it is its last character now, such as a full stop
        piece = next((match.raw for match in _linkify().match(piece) or []), piece).rstrip(_AFTER)
    return len(piece), end.is_clear


def _ends(url: str, place: int) -> bool:
    return place == len(url) or not url[place].isascii()


def _is_within(place: int, spans: list[Span], starts: set[int]) -> bool:
    return place in starts or any(span.start <= place < span.end for span in spans)


@cache
def _linkify() -> LinkifyIt:
    return LinkifyIt().tlds([*TLDS, "example", "test"])
