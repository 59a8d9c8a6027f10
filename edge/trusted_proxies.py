"""Whose word about the visitor's address is believed, and what they say. Pure."""

from functools import lru_cache
from ipaddress import ip_address

from records.networks import Networks


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


def for_parameter(element: str) -> str:
    """The address in one element of Forwarded (RFC 7239)."""
    for parameter in element.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "for":
            return bare_address(value)
    return ""


def bare_address(text: str) -> str:
    """An address without the port, brackets and quotes that proxies may add."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
