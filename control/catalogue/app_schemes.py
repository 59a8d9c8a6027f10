"""Schemes beside http and https that destinations may have: mail, telephone, messages, apps. Pure."""

import re
from typing import ClassVar, Self

MAX_CHARACTERS = 64
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)  # RFC 3986 3.1
# They run or show what the URL itself holds, or what lies on the visitor's device.
_NEVER = frozenset(
    {
        *("javascript", "data", "file", "vbscript", "blob", "about", "view-source", "filesystem"),
        *("content", "jar", "mhtml", "resource", "chrome", "livescript", "mocha", "ms-msdt", "search-ms"),
    }
)
_WEB = frozenset({"http", "https"})


class AppSchemes(tuple[str, ...]):
    """Schemes in lower case, given as names separated by commas."""

    EXPECTED: ClassVar[str] = "schemes separated by commas, such as mailto,tel,sms"

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(dict.fromkeys(_allowed(name.strip()) for name in text.split(",") if name.strip()))


def scheme_of(url: str) -> str:
    """The scheme of a URL in lower case; "" where it has none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


def is_web(url: str) -> bool:
    """Whether a destination is a page, which has a host and can be fetched."""
    return scheme_of(url) in _WEB


def _allowed(name: str) -> str:
    scheme = scheme_of(f"{name}:")
    if len(scheme) != len(name) or len(name) > MAX_CHARACTERS:
        raise ValueError(f"{name[:MAX_CHARACTERS]!r} is no scheme: a letter, then letters, digits, +, - and .")
    if scheme in _NEVER:
        raise ValueError(f"{scheme} is never allowed: it runs or shows what the URL itself holds")
    if scheme in _WEB:
        raise ValueError(f"{scheme} is none of these: https is always allowed, http by its own setting")
    return scheme
