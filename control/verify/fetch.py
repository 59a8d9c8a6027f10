"""Fetches a page as a phone would: every hop by itself, guarded, cut, with what its certificate says."""

import asyncio
import os
import socket
import ssl
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from records.hosts import host_in
from records.networks import Networks
from runtime.guarded_http import NotAllowed, guarded_connector

MAX_REDIRECTS = 5
MAX_BODY_BYTES = 256 * 1024
WITHIN_S = 20.0
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.5 Mobile/15E148 Safari/604.1",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en",
    "Accept-Encoding": "identity",
}


class Trouble(StrEnum):
    """Why there is no page."""

    NO_ADDRESS = "no_address"  # the name does not resolve
    NO_NAME_SERVER = "no_name_server"  # whether it does is not known
    NOT_ALLOWED = "not_allowed"  # an address or port that is not public
    TLS = "tls"
    REFUSED = "refused"  # no connection, or one that was cut off
    TIMEOUT = "timeout"
    LOOP = "loop"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    BAD_LOCATION = "bad_location"


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one fetch. hops: every URL that was asked, in their order."""

    hops: tuple[str, ...]
    status: int = 0  # of the last answer; 0 where there was none
    headers: Mapping[str, str] = {}  # of the last answer, by lower-case name
    body: bytes = b""  # at most MAX_BODY_BYTES
    bytes_announced: int = 0
    seconds: float = 0.0
    certificate_ends_at_s: float | None = None  # Unix time, the first to end of all hops; None without TLS
    trouble: Trouble | None = None
    detail: str = ""  # of the trouble

    @property
    def final_url(self) -> str:
        return self.hops[-1]

    @property
    def final_host(self) -> str:
        return host_in(self.final_url)


class Fetcher:
    """allow: networks that may be asked though they are not public, on any port."""

    def __init__(self, allow: Networks) -> None:
        self._allow = allow

    async def fetch(self, url: str) -> Fetched:
        """The page at a URL; what goes wrong is part of the answer."""
        return await self._fetched(url, None, _NO_HEADERS, _follow)

    async def ask(self, url: str, address: str, headers: Mapping[str, str]) -> Fetched:
        """What this address answers for a URL, whatever its host resolves to, with these headers; redirects are not
        followed.
        """
        return await self._fetched(url, _At(address), headers, _asked_once)

    async def _fetched(
        self, url: str, resolver: AbstractResolver | None, headers: Mapping[str, str], way: "_Way"
    ) -> Fetched:
        began = time.monotonic()
        tls = _WatchedTls()
        hops: list[str] = [url]
        try:
            async with asyncio.timeout(WITHIN_S), self._session(tls, resolver, headers) as session:
                fetched = await way(session, hops, tls)
        except _TROUBLES as error:
            trouble, detail = _trouble_of(error)
            fetched = Fetched(hops=tuple(hops), trouble=trouble, detail=detail)
        return msgspec.structs.replace(
            fetched, seconds=time.monotonic() - began, certificate_ends_at_s=min(tls.ends_at_s, default=None)
        )

    def _session(
        self, tls: "_WatchedTls", resolver: AbstractResolver | None, headers: Mapping[str, str]
    ) -> aiohttp.ClientSession:
        connector = guarded_connector(self._allow, ssl=tls, force_close=True, use_dns_cache=False, resolver=resolver)
        # No proxy of the environment: it would make the connection instead.
        return aiohttp.ClientSession(
            connector=connector, headers={**_HEADERS, **headers}, trust_env=False, auto_decompress=False
        )


class _At(AbstractResolver):
    """Every name is at one address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        kind = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host=self._address, port=port, family=kind, proto=0, flags=flags)]

    async def close(self) -> None:
        """Nothing is open."""


_Way = Callable[[aiohttp.ClientSession, list[str], "_WatchedTls"], Awaitable[Fetched]]
_TROUBLES = (aiohttp.ClientError, NotAllowed, OSError, TimeoutError, ValueError, zlib.error)


async def _follow(session: aiohttp.ClientSession, hops: list[str], tls: "_WatchedTls") -> Fetched:
    """Appends to hops what it asks."""
    while True:
        async with session.get(URL(hops[-1]), allow_redirects=False) as response:
            tls.note_certificates()
            location = response.headers.get("Location") if response.status in _REDIRECTS else None
            if location is None:
                return await _page(response, tuple(hops))
            after = _next(response.url, location)
        if after is None:
            return _stopped(hops, Trouble.BAD_LOCATION, f"it redirects to {location[:200]!r}, which is no http URL")
        if len(hops) > MAX_REDIRECTS and after in hops:  # not at once: the second time a cookie may be there
            return _stopped(hops, Trouble.LOOP, f"it redirects in a circle, back to {after[:200]}")
        if len(hops) > MAX_REDIRECTS:
            return _stopped(hops, Trouble.TOO_MANY_REDIRECTS, f"it redirects more than {MAX_REDIRECTS} times")
        hops.append(after)


async def _asked_once(session: aiohttp.ClientSession, hops: list[str], tls: "_WatchedTls") -> Fetched:
    async with session.get(URL(hops[0]), allow_redirects=False) as response:
        tls.note_certificates()
        return await _page(response, tuple(hops))


def _next(url: URL, location: str) -> str | None:
    try:
        after = url.join(URL(location))
    except ValueError:
        return None
    return str(after.with_fragment(None)) if after.scheme in ("http", "https") and after.host else None


def _stopped(hops: list[str], trouble: Trouble, detail: str) -> Fetched:
    return Fetched(hops=tuple(hops), trouble=trouble, detail=detail)


async def _page(response: aiohttp.ClientResponse, hops: tuple[str, ...]) -> Fetched:
    body = bytearray()
    while len(body) < MAX_BODY_BYTES and (piece := await response.content.read(MAX_BODY_BYTES - len(body))):
        body += piece
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Fetched(
        hops=hops,
        status=response.status,
        headers=headers,
        body=_unpacked(bytes(body), headers.get("content-encoding", "")),
        bytes_announced=response.content_length or 0,
    )


def _unpacked(body: bytes, encoding: str) -> bytes:
    """What a server packed although nobody asked it to."""
    if encoding not in ("gzip", "deflate"):
        return body
    return zlib.decompressobj(wbits=47).decompress(body, MAX_BODY_BYTES)


def _trouble_of(error: BaseException) -> tuple[Trouble, str]:
    text = str(error) or type(error).__name__
    match error:
        case NotAllowed():
            return Trouble.NOT_ALLOWED, text
        case aiohttp.ClientConnectorDNSError():
            lasting = getattr(error.os_error, "errno", None) != _TRY_AGAIN
            return (Trouble.NO_ADDRESS if lasting else Trouble.NO_NAME_SERVER), f"{error.host} does not resolve"
        case aiohttp.ClientConnectorCertificateError():
            return Trouble.TLS, _reason(error.certificate_error)
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return Trouble.TLS, _reason(error)
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            return Trouble.REFUSED, f"no connection: {os.strerror(error.os_error.errno)}"
        case TimeoutError():
            return Trouble.TIMEOUT, f"it did not answer within {WITHIN_S:.0f} s"
        case aiohttp.InvalidURL():
            return Trouble.BAD_LOCATION, f"{text[:200]!r} is no http URL"
        case _:
            return Trouble.REFUSED, text[:200]


_TRY_AGAIN = -3  # EAI_AGAIN of getaddrinfo(3)


def _reason(error: BaseException) -> str:
    return getattr(error, "verify_message", "") or str(error)[:200]


class _WatchedTls(ssl.SSLContext):
    """A client's context that knows when the certificates of its connections end."""

    _made: list[ssl.SSLObject]
    ends_at_s: list[float]  # Unix time

    def __new__(cls, protocol: int = ssl.PROTOCOL_TLS_CLIENT) -> "_WatchedTls":
        context = super().__new__(cls, protocol)
        context.load_default_certs()
        context._made, context.ends_at_s = [], []
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        made = super().wrap_bio(*args, **kwargs)
        self._made.append(made)
        return made

    def note_certificates(self) -> None:
        """Of the connections made since the last call, which must be open."""
        for connection in self._made:
            ends = (connection.getpeercert() or {}).get("notAfter")
            self.ends_at_s.append(ssl.cert_time_to_seconds(str(ends)))
        self._made.clear()
