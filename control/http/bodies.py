"""The body of a request: read up to a bound, unpacked where it is gzip."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
from starlette.requests import Request

from control.http.problems import Problem, decoded

MAX_BYTES = 1024 * 1024  # of a body that is one document
_STEP_BYTES = 256 * 1024  # unpacked before others get their turn
_IN_THREAD_BYTES = 32 * 1024  # a text that takes longer to check than others shall wait


async def document(request: Request, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """The body as its record; raises Problem."""
    body = await whole_body(request)
    return decoded(body, decoder) if len(body) < _IN_THREAD_BYTES else await asyncio.to_thread(decoded, body, decoder)


async def whole_body(request: Request) -> bytes:
    """A body of at most MAX_BYTES; raises Problem."""
    return b"".join([piece async for piece in pieces(request, MAX_BYTES)])


async def pieces(request: Request, most: int, hint: str = "") -> AsyncIterator[bytes]:
    """The body as it comes, at most so many bytes, also unpacked; raises Problem. hint: ends its detail."""
    size = 0
    async for piece in _unpacked(request, most):
        size += len(piece)
        if size > most:
            raise Problem("too-large", f"the body has more than {most} bytes{hint}")
        yield piece


async def _unpacked(request: Request, most: int) -> AsyncIterator[bytes]:
    """The pieces of a plain body, or of one that is at most so many bytes of gzip; raises Problem."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        async for piece in request.stream():
            yield piece
        return
    if encoding not in ("gzip", "x-gzip"):
        detail = f"Content-Encoding is {encoding[:40]}; expected gzip, or no such header"
        raise Problem("encoding", detail, field="Content-Encoding")
    gzip, size = Gzip(), 0
    async for packed in request.stream():
        size += len(packed)  # members may be empty: they never add up to a piece
        if size > most:
            raise Problem("too-large", f"the gzip body has more than {most} bytes before it is unpacked")
        for piece in gzip.unpacked(packed):
            if piece:
                yield piece
            await asyncio.sleep(0)  # a small body may unpack to a thousand times its size, or hold many members
    gzip.check_complete()


class Gzip:
    """Unpacks gzip (RFC 1952), also of several members, a step at a time."""

    def __init__(self) -> None:
        self._member: Any = None
        self._members = 0

    def unpacked(self, packed: bytes) -> Iterator[bytes]:
        """A piece for each step, b"" where a member is empty; raises Problem."""
        while packed:
            if self._member is None:
                self._member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
                self._members += 1
            try:
                piece = self._member.decompress(packed, _STEP_BYTES)
            except zlib.error as error:
                raise Problem("not-gzip", f"Content-Encoding is gzip, and the body is not: {error}") from None
            packed = self._member.unconsumed_tail or self._member.unused_data
            if self._member.eof:
                self._member = None
            yield piece

    def check_complete(self) -> None:
        """Raises Problem for a body that was cut off, or is empty."""
        if self._member is not None or not self._members:
            raise Problem("not-gzip", "Content-Encoding is gzip, and the body ends before its end; was it cut off?")
