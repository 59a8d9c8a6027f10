"""Hosts as they are compared and sent: in lower-case ASCII. The one place that turns a host into that form. Pure.

By UTS 46 without transitional mapping, as browsers do: `gruß.example` is `xn--gru-7ka.example` and not `gruss.example`,
which is another domain; a final sigma, ZWJ and ZWNJ likewise stay what they are.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

import idna

MAX_CHARACTERS = 260  # a name of 253 (RFC 1035), a dot, a colon and a port
_PLAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_PORT = re.compile(r":[0-9]*\Z", re.ASCII)
_AUTHORITY = re.compile(r"((?i:https?)://)([^/?#:@]*)((?::[0-9]*)?)(?=[/?#]|\Z)")
_A_LABEL = "xn--"


@lru_cache(4096)
def ascii_host(host: str) -> str | None:
    """A host name as it is looked up, without its trailing dot; None for what cannot be one.

    Names are in A-labels, an IPv6 address is in its shortest form and in brackets.
    """
    if host.startswith("["):
        return _ipv6(host)
    if len(host) > MAX_CHARACTERS:  # a label costs the square of its length
        return None
    try:
        # ASCII is its own form, and UTS 46 without STD3 rules keeps the underscore that some hosts have.
        name = host.lower() if host.isascii() else idna.uts46_remap(host, std3_rules=False)
        labels = [_ascii_label(label) for label in name.removesuffix(".").split(".")]
    except UnicodeError:  # idna.IDNAError is one
        return None
    name = ".".join(labels)
    return name if len(name) <= 253 and all(map(_LABEL.fullmatch, labels)) else None


@lru_cache(1024)
def host_of_authority(authority: str) -> str:
    """The host of a Host header or of `host:port`, as ascii_host() gives it; "" for what cannot be one.

    authority: as it came, each byte a character (RFC 9110 7.2).
    """
    if len(authority) > MAX_CHARACTERS:
        return ""
    host = _PORT.sub("", authority.strip(" \t"), count=1)
    if _PLAIN.fullmatch(lower := host.lower()) and _A_LABEL not in lower:
        return lower
    try:
        return ascii_host(host.encode("latin-1").decode("utf-8")) or ""
    except UnicodeError:
        return ""


def host_in(url: str) -> str:
    """The host of a URL, as ascii_host() gives it; "" where it has none."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return ascii_host(f"[{host}]" if ":" in host else host) or ""


def with_ascii_host(url: str) -> str:
    """The URL with its host in ASCII, where that can be; nothing else of it changes, nor anything of an app's URL."""
    if url.isascii() or not (authority := _AUTHORITY.match(url)):
        return url
    before, host, port = authority.groups()
    return f"{before}{ascii_host(host) or host}{port}{url[authority.end() :]}"


def _ipv6(host: str) -> str | None:
    try:
        return f"[{IPv6Address(host.removeprefix('[').removesuffix(']')).compressed}]" if host.endswith("]") else None
    except AddressValueError:
        return None


def _ascii_label(label: str) -> str:
    """The A-label of a label; raises UnicodeError for what is none."""
    if not label.isascii():
        return _a_label(label)
    if not label.startswith(_A_LABEL):
        return label
    meant = label.removeprefix(_A_LABEL).encode("ascii").decode("punycode")
    mapped = idna.uts46_remap(meant, std3_rules=False)
    if meant.isascii() or mapped != meant or _a_label(meant) != label:  # UTS 46 4.1: browsers refuse it too
        raise UnicodeError
    return label


def _a_label(label: str) -> str:
    try:
        return idna.alabel(label).decode("ascii")
    except idna.InvalidCodepointContext:
        raise
    except idna.InvalidCodepoint:  # a symbol, such as an emoji: not in IDNA 2008, but UTS 46 and so browsers have it
        return _A_LABEL + label.encode("punycode").decode("ascii")
