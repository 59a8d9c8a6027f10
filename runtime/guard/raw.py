"""HTTP/1.1 responses as bytes, for answers that no application gives."""

from collections.abc import Iterable
from http import HTTPStatus


def raw_response(
    status: int, headers: Iterable[tuple[str, str]], body: bytes, *, head: bool = False, keep_alive: bool = False
) -> bytes:
    """The whole response; head: to a HEAD, without the body."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"content-length: {len(body)}")
    if not keep_alive:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if head else body)


_PLAIN_TEXT = ("content-type", "text/plain; charset=utf-8")
TOO_LARGE = raw_response(431, [_PLAIN_TEXT], b"Too many header fields, or too long.\n")
BAD_REQUEST = raw_response(400, [_PLAIN_TEXT], b"Bad request.\n")


def overloaded(first_bytes: bytes) -> bytes:
    """What a connection gets that is turned away, where the port has no answer of its own for that."""
    headers = [_PLAIN_TEXT, ("retry-after", "2")]
    return raw_response(503, headers, b"Too many connections.\n", head=first_bytes.startswith(b"HEAD "))
