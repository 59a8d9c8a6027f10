"""One HTTP request of a command, by Python's own client: it blocks, and is imported in a tenth of aiohttp's time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import IO
from urllib.parse import urlencode, urlsplit

FAULTS = OSError, HTTPException  # of a service that cannot be reached, or breaks off
_CONNECT_S = 10
_SILENCE_S = 600  # longest between two pieces of an answer: a verification waits for pages
_PIECE_BYTES = 256 * 1024


@contextmanager
def answered(
    method: str,
    url: str,
    body: bytes | IO[bytes] | None = None,
    *,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    silence_s: float | None = _SILENCE_S,
) -> Iterator[HTTPResponse]:
    """The answer to a request, of any status; raises what FAULTS names. A file is sent from its beginning."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_CONNECT_S, blocksize=_PIECE_BYTES)
    try:
        connection.connect()
        connection.sock.settimeout(silence_s)
        asked = f"?{urlencode(query)}" if query else ""
        _send(connection, method, f"{parts.path or '/'}{asked}", body, dict(headers))
        yield connection.getresponse()
    finally:
        connection.close()


def _send(
    connection: HTTPConnection, method: str, target: str, body: bytes | IO[bytes] | None, headers: dict[str, str]
) -> None:
    if body is not None and not isinstance(body, bytes):
        headers["Content-Length"] = str(body.seek(0, os.SEEK_END))
        body.seek(0)
    # A service may refuse a body that it has not read; its answer says why.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(method, target, body, headers)


def lines_of(answer: HTTPResponse) -> Iterator[bytes]:
    """The lines of an answer as they arrive, many whole lines at a time; raises what FAULTS names if it breaks off."""
    rest = b""
    while piece := answer.read1(_PIECE_BYTES):
        lines, newline, tail = piece.rpartition(b"\n")
        if newline:
            yield rest + lines + newline
            rest = tail
        else:
            rest += piece
    if answer.length:
        raise IncompleteRead(rest, answer.length)
    if rest:
        yield rest
