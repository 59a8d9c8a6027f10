"""Referer -> the host or app a visitor came from. Pure."""

from functools import lru_cache
from urllib.parse import urlsplit

from visitors.cut import MAX_HEADER_BYTES, cut

_REMEMBERED = 4096


@lru_cache(_REMEMBERED)
def host_in(referrer: str) -> str:
    """The host of a Referer, lower case; for android-app://com.example/ the app's name."""
    try:
        return cut(urlsplit(referrer).hostname or "", MAX_HEADER_BYTES)
    except ValueError:  # "http://[": not a URL
        return ""


@lru_cache(_REMEMBERED)
def only_host(referrer: str) -> str:
    """A Referer without all but its host, as host_in() reads it; "" where it has none."""
    host = host_in(referrer)
    return f"//[{host}]" if ":" in host else host and f"//{host}"
