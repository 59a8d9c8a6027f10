"""One HTTP request for a code, read from its ASGI scope. Pure: no clock, no I/O."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

import msgspec

from records.click import packed_address
from runtime.environment import Networks

MAX_TEXT = 1024  # longer header values are cut: a click record stays small whatever a visitor sends
MAX_HOST = 260  # a name of 253 characters (RFC 1035), a dot, a colon and a port
NO_ADDRESS = bytes(16)

# What messaging apps glue to a link: sentence ends, closing brackets and quotes, straight and curly; a slash.
_GLUED = ".,)!?;:'\"\u2018\u2019\u201c\u201d\u00bb>]}/"
_PLAIN_CODE = re.compile(r"/[A-Za-z0-9_-]{1,64}\Z", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)


class Visit(msgspec.Struct, gc=False):
    """What the edge needs to know of a request to answer and to record it."""

    short_domain: str  # from Host: lower case, no port, no trailing dot
    code: str  # "" for a path that cannot be a code
    query: str
    method: str
    address: bytes  # 16 bytes, IPv4 as IPv4-mapped IPv6
    user_agent: str
    referrer: str
    accept: str
    accept_language: str
    purpose: str
    sec_fetch: str
    sec_ch_ua: str


def visit_reader(trusted_proxies: Networks) -> Callable[[dict[str, Any]], Visit]:
    """Gives visit_from(scope): reads one request. Needs `method`, `raw_path`, `query_string`, `headers`, `client`."""

    def visit_from(scope: dict[str, Any]) -> Visit:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        get = headers.get
        client = scope["client"]
        peer = client[0] if client else ""
        if trusted_proxies and _within(peer, trusted_proxies):
            peer = _forwarded_for(scope["headers"], peer, trusted_proxies)
        return Visit(
            host_of(get(b"host", b"")),
            code_of(scope["raw_path"]),
            scope["query_string"].decode("latin-1"),
            scope["method"],
            _packed(peer),
            _text(get(b"user-agent")),
            _text(get(b"referer")),
            _text(get(b"accept")),
            _text(get(b"accept-language")),
            _purpose(get),
            _sec_fetch(get),
            _text(get(b"sec-ch-ua")),
        )

    return visit_from


@lru_cache(1024)
def host_of(value: bytes) -> str:
    """The host of a Host header: lower case, without port and trailing dot (RFC 9110 7.2)."""
    if len(value) > MAX_HOST:
        return ""
    host = value.decode("latin-1").strip().lower()
    if host.startswith("["):
        return host
    return host.partition(":")[0].rstrip(".")


def code_of(raw_path: bytes) -> str:
    """The code in a path, without what was glued to it; "" where there is none."""
    path = raw_path.decode("latin-1")
    if _PLAIN_CODE.match(path):
        return path[1:]
    if len(path) > 512:
        return ""
    # Glued characters arrive percent-encoded as UTF-8, or as raw bytes; "%" that encodes nothing stays.
    text = unquote(raw_path.decode("utf-8", "replace")).strip("\u00a0 ")
    code = text.removeprefix("/").rstrip(_GLUED)
    return code if _CODE.match(code) else ""


def _text(value: bytes | None) -> str:
    return value[:MAX_TEXT].decode("latin-1") if value else ""


def _purpose(get: Callable[[bytes], bytes | None]) -> str:
    found = (get(b"sec-purpose"), get(b"purpose"), get(b"x-purpose"), get(b"x-moz"))
    if found == (None, None, None, None):
        return ""
    return _text(b" ".join(value for value in found if value))


def _sec_fetch(get: Callable[[bytes], bytes | None]) -> str:
    site = get(b"sec-fetch-site")
    mode = get(b"sec-fetch-mode")
    if site is None and mode is None:
        return ""
    user, dest = get(b"sec-fetch-user"), get(b"sec-fetch-dest")
    return _text(b" ".join((site or b"-", mode or b"-", user or b"-", dest or b"-")))


@lru_cache(8192)
def _packed(address: str) -> bytes:
    try:
        return packed_address(address)
    except ValueError:
        return NO_ADDRESS


@lru_cache(8192)
def _within(address: str, networks: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in networks)


def _forwarded_for(headers: list[tuple[bytes, bytes]], peer: str, trusted: Networks) -> str:
    """The nearest address that is not one of ours: whatever stands left of it may be forged.

    Reads Forwarded (RFC 7239) where it is present, else X-Forwarded-For; repeated headers are one list.
    """
    forwarded = [part for name, value in headers if name == b"forwarded" for part in value.split(b",")]
    if forwarded:
        hops = [_for_parameter(part.decode("latin-1")) for part in forwarded]
    else:
        lists = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        hops = [_bare_address(hop) for text in lists for hop in text.split(",")]
    for hop in reversed(hops):
        if _packed(hop) == NO_ADDRESS:
            return peer
        peer = hop
        if not _within(hop, trusted):
            return hop
    return peer


def _for_parameter(element: str) -> str:
    for parameter in element.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "for":
            return _bare_address(value)
    return ""


def _bare_address(text: str) -> str:
    """An address without the port, brackets and quotes that proxies may add."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
