"""Reads a visit from an HTTP request. Pure: no clock, no I/O."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from edge.glued import code_of
from edge.trusted_proxies import forwarded_for, is_trusted, nearest_stranger, x_forwarded_for
from records.address import packed_address
from records.hosts import host_of_authority
from records.networks import Networks
from records.own_visit import HEADER, PURPOSE
from routing.visit import NO_ADDRESS, Visit
from visitors.referrer import only_host

MAX_TEXT = 1024  # longer header values are cut: a click record stays small whatever a visitor sends
_NO_PURPOSE = (None, None, None, None)
_LISTS = frozenset({"forwarded", "x-forwarded-for"})  # RFC 9110 5.3: repeated, they are one list


Fields = Mapping[str, str]  # a request's headers by lower-case name; of a repeated one the last, of a list all
Asked = tuple[str, str, str, Fields, str]  # method, code, query, fields, address of the peer
VisitFrom = Callable[[str, str, str, Fields, str], Visit]
IsOwn = Callable[[str, str], bool]  # code and mark of a visit that says verification makes it


def visit_reader(
    trusted_proxies: Networks, header: str = "x-forwarded-for", *, is_own: IsOwn = lambda code, mark: False
) -> VisitFrom:
    """Gives visit_from(method, code, query, fields, peer): one request as a visit.

    header: the one in which the proxies say for whom they ask, "x-forwarded-for" or "forwarded" (RFC 7239). The
    other is never read: proxies that write one pass the other on as the visitor sent it.
    """
    hops_in = forwarded_for if header == "forwarded" else x_forwarded_for

    def visit_from(method: str, code: str, query: str, fields: Fields, peer: str) -> Visit:
        get = fields.get
        if trusted_proxies and is_trusted(peer, trusted_proxies):
            peer = nearest_stranger(hops_in(get(header, "")), peer, trusted_proxies)
        purpose = PURPOSE if HEADER in fields and is_own(code, fields[HEADER]) else _purpose(get)
        return Visit(
            host_of_authority(get("host", "")), code, query, method, _packed(peer), get("user-agent", ""),
            only_host(get("referer", "")), get("accept", ""), get("accept-language", ""), purpose,
            _sec_fetch(get), get("sec-ch-ua", ""),
        )  # fmt: skip

    return visit_from


def asked_in(scope: Mapping[str, Any]) -> Asked:
    """What visit_from takes, from an ASGI scope: `method`, a path, `query_string`, `headers`, `client`."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").rstrip(" \t")
        if name in _LISTS:
            fields[name] = f"{fields[name]},{value}" if name in fields else value
        else:
            fields[name] = value[:MAX_TEXT]
    client = scope["client"]
    code = code_of(scope.get("raw_path") or scope["path"].encode())
    return scope["method"], code, scope["query_string"].decode("latin-1"), fields, client[0] if client else ""


def _purpose(get: Callable[[str], str | None]) -> str:
    found = (get("sec-purpose"), get("purpose"), get("x-purpose"), get("x-moz"))
    if found == _NO_PURPOSE:
        return ""
    purpose = " ".join(value for value in found if value)[:MAX_TEXT]
    return purpose if purpose != PURPOSE else ""


def _sec_fetch(get: Callable[[str], str | None]) -> str:
    site, mode = get("sec-fetch-site"), get("sec-fetch-mode")
    if site is None and mode is None:
        return ""
    return f"{site or '-'} {mode or '-'} {get('sec-fetch-user') or '-'} {get('sec-fetch-dest') or '-'}"[:MAX_TEXT]


@lru_cache(8192)
def _packed(address: str) -> bytes:
    try:
        return packed_address(address)
    except ValueError:
        return NO_ADDRESS
