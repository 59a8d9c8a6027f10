"""Whose word about the visitor's address is believed, and what they say. Pure."""

import re
from functools import lru_cache
from ipaddress import ip_address

from records.networks import Networks

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')  # RFC 9110 5.6.4
_ESCAPED = re.compile(r"\\(.)")


@lru_cache(8192)
def is_trusted(address: str, trusted: Networks) -> bool | None:
    """None for a text that is no address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in trusted)


def nearest_stranger(hops: list[str], peer: str, trusted: Networks) -> str:
    """The nearest address that is not a trusted proxy's: what stands left of it may be forged."""
    for hop in reversed(hops):
        trust = is_trusted(hop, trusted)
        if trust is None:
            return peer
        peer = hop
        if not trust:
            return hop
    return peer


def x_forwarded_for(value: str) -> list[str]:
    """The addresses of X-Forwarded-For, in their order. Empty members of a list do not count (RFC 9110 5.6.1.2)."""
    return [bare_address(hop) for hop in value.split(",") if hop.strip(" \t")]


def forwarded_for(value: str) -> list[str]:
    """The addresses of Forwarded (RFC 7239 4), in their order; "" for a hop that names none, or is no element."""
    return [_for_parameter(element) for element in _split(value, ",") if element.strip(" \t")]


def _for_parameter(element: str) -> str:
    """No parameter may be there twice: which one would count is not said."""
    named = [pair for pair in map(_pair, _split(element, ";")) if pair[0] == "for"]
    return bare_address(named[0][1]) if len(named) == 1 else ""


def _pair(parameter: str) -> tuple[str, str]:
    name, _, value = parameter.partition("=")
    value = value.strip(" \t")
    if value.startswith('"'):
        quoted = _QUOTED.fullmatch(value)
        value = _ESCAPED.sub(r"\1", quoted[1]) if quoted else ""
    return name.strip(" \t").lower(), value


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators that are in no quoted string; one that is never closed reaches to the end."""
    if '"' not in text:
        return text.split(separator)
    parts, start, quoted, skips = [], 0, False, False
    for index, character in enumerate(text):
        if skips:
            skips = False
        elif quoted and character == "\\":
            skips = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def bare_address(text: str) -> str:
    """An address without the port, brackets and quotes that proxies may add."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
