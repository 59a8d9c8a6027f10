"""Request bodies, taken in whole before the engine sees a byte; compression of bodies both ways."""

import asyncio
import io
import tempfile
import zlib
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
from aiohttp import StreamReader

from stack.clickhouse.errors import (
    CANNOT_DECOMPRESS,
    CANNOT_READ_ALL_DATA,
    REQUEST_TOO_LARGE,
    UNKNOWN_COMPRESSION_METHOD,
    ClickHouseError,
)
from stack.clickhouse.processes import Process

_IN_MEMORY = 16 << 20
_CHUNK = 1 << 20
_ARROW_NAMES: dict[str, Any] = {"gzip": "gzip", "zstd": "zstd", "lz4": "lz4", "br": "brotli", "bz2": "bz2"}
OFFERED = ("zstd", "lz4", "gzip", "br", "deflate")


def _buffer(folder: Path) -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))


async def receive(content: StreamReader, process: Process, folder: Path, max_bytes: int) -> IO[bytes]:
    """The whole body, in memory or beyond some MB on disk; raises ClickHouseError when it is cut short or too large."""
    body = _buffer(folder)
    reading = asyncio.ensure_future(_read_into(body, content, max_bytes))
    cancelled = asyncio.ensure_future(process.cancelled.wait())
    try:
        await asyncio.wait({reading, cancelled}, return_when=asyncio.FIRST_COMPLETED)
        process.check()
        await reading
    except BaseException:
        body.close()
        raise
    finally:
        reading.cancel()
        cancelled.cancel()
    body.seek(0)
    return body


async def _read_into(body: IO[bytes], content: StreamReader, max_bytes: int) -> None:
    size = 0
    while chunk := await _next_chunk(content):
        size += len(chunk)
        _refuse_above(max_bytes, size)
        body.write(chunk)


async def _next_chunk(content: StreamReader) -> bytes:
    try:
        return await content.readany()
    except (OSError, ValueError) as error:
        raise ClickHouseError(CANNOT_READ_ALL_DATA, f"The body ended early: {error}", "CANNOT_READ_ALL_DATA") from error


def _refuse_above(max_bytes: int, size: int) -> None:
    if size > max_bytes:
        raise ClickHouseError(
            REQUEST_TOO_LARGE, f"The body is larger than {max_bytes} bytes: send it in parts", "TOO_MANY_BYTES"
        )


def decompress(body: IO[bytes], encoding: str, folder: Path, max_bytes: int) -> IO[bytes]:
    """The body as it was before Content-Encoding; raises ClickHouseError. Blocks."""
    if encoding in ("", "identity"):
        return body
    plain = _buffer(folder)
    try:
        size = 0
        source = _inflated(body, encoding)
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            _refuse_above(max_bytes, size)
            plain.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        plain.close()
        raise ClickHouseError(CANNOT_DECOMPRESS, f"The body is not {encoding}: {error}", "CANNOT_DECOMPRESS") from error
    except BaseException:
        plain.close()
        raise
    finally:
        body.close()
    plain.seek(0)
    return plain


class _Deflated:
    """A deflated body, read in pieces: what it grows to is known only once it has grown."""

    def __init__(self, body: IO[bytes]) -> None:
        self._body, self._inflate = body, zlib.decompressobj()

    def read(self, size: int) -> bytes:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._body.read(size)
            if not packed:
                raise EOFError("it ends early")
            if plain := self._inflate.decompress(packed, size):
                return plain
        return b""


def _inflated(body: IO[bytes], encoding: str) -> Any:
    if encoding == "deflate":
        return _Deflated(body)
    if encoding not in _ARROW_NAMES:
        raise ClickHouseError(
            UNKNOWN_COMPRESSION_METHOD,
            f"Content-Encoding {encoding!r} is not known; use one of {', '.join(OFFERED)}",
            "UNKNOWN_COMPRESSION_METHOD",
        )
    return pa.CompressedInputStream(pa.PythonFile(cast(io.IOBase, body), "r"), _ARROW_NAMES[encoding])


def chosen_encoding(accepted: str) -> str:
    """The encoding for an answer: the client's first that is known here, or ''."""
    wanted = [part.partition(";")[0].strip().lower() for part in accepted.split(",")]
    return next((name for name in wanted if name in OFFERED), "")


class _Sink(io.BytesIO):
    """Stays open when the stream above it closes: the last bytes come with that."""

    def close(self) -> None:
        self.flush()

    def taken(self) -> bytes:
        taken = self.getvalue()
        self.seek(0)
        self.truncate()
        return taken


class Compressor:
    """An answer compressed as it comes; encoding '' leaves it as it is."""

    def __init__(self, encoding: str) -> None:
        self._sink = _Sink()
        self._stream: Any = None
        self._deflate = zlib.compressobj() if encoding == "deflate" else None
        if encoding in _ARROW_NAMES:
            self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), _ARROW_NAMES[encoding])

    def feed(self, data: bytes) -> bytes:
        if self._deflate is not None:
            return self._deflate.compress(data)
        if self._stream is None:
            return data
        self._stream.write(data)
        return self._sink.taken()

    def finish(self) -> bytes:
        if self._deflate is not None:
            return self._deflate.flush()
        if self._stream is not None:
            self._stream.close()
        return self._sink.taken()
