"""What goes back: headers, small answers whole, large ones as they are made."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from aiohttp import web

from stack.clickhouse.bodies import Compressor, chosen_encoding
from stack.clickhouse.engine import Counts
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.request import Asked

_PIPE_CHUNK = 256 << 10
_STALLED_S = 120.0
_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONCompactEachRow": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "RowBinaryWithNamesAndTypes": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "ArrowStream": "application/octet-stream",
    "Parquet": "application/octet-stream",
}


def whole(asked: Asked, headers: dict[str, str], output_format: str, body: bytes, counts: Counts) -> web.Response:
    """An answer that is complete, with its summary."""
    headers = {**headers, **_describing(output_format), "X-ClickHouse-Summary": _summary(counts)}
    encoding = chosen_encoding(asked.accept_encoding) if body else ""
    if encoding:
        compressor = Compressor(encoding)
        body = compressor.feed(body) + compressor.finish()
        headers["Content-Encoding"] = encoding
    return web.Response(body=body, headers=headers)


def refusal(error: ClickHouseError, headers: dict[str, str]) -> web.Response:
    headers = {
        **headers,
        "X-ClickHouse-Exception-Code": str(error.code),
        "Content-Type": "text/plain; charset=UTF-8",
        "X-ClickHouse-Summary": _summary(Counts()),
    }
    return web.Response(status=error.status, body=f"{error}\n".encode(), headers=headers)


class Streamed:
    """An answer sent while the engine makes it; an error in its middle ends the connection without its last chunk."""

    def __init__(self, request: web.Request, asked: Asked, headers: dict[str, str], output_format: str) -> None:
        self._request = request
        self._encoding = chosen_encoding(asked.accept_encoding)
        self._compressor = Compressor(self._encoding)
        self._response = web.StreamResponse(headers={**headers, **_describing(output_format)})

    async def begin(self) -> None:
        if self._encoding:
            self._response.headers["Content-Encoding"] = self._encoding
        await self._response.prepare(self._request)

    async def write(self, data: bytes) -> None:
        """Raises TimeoutError when the client takes nothing any more."""
        async with asyncio.timeout(_STALLED_S):
            await self._response.write(self._compressor.feed(data))

    async def end(self) -> web.StreamResponse:
        await self._response.write(self._compressor.finish())
        await self._response.write_eof()
        return self._response

    async def fail(self, error: ClickHouseError) -> web.StreamResponse:
        await self.write(f"\n{error}\n".encode())
        await self._response.write(self._compressor.finish())
        if self._request.transport is not None:
            self._request.transport.close()
        return self._response


@asynccontextmanager
async def opened(read_end: int) -> AsyncIterator[asyncio.StreamReader]:
    """A pipe's reading end as a stream, closed at the end: its writer then fails."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit=2 * _PIPE_CHUNK)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        yield stream
    finally:
        transport.close()


async def up_to(stream: asyncio.StreamReader, size: int) -> tuple[bytes, bool]:
    """What comes until the stream ends or `size` is reached; whether it has ended."""
    head = bytearray()
    while len(head) < size:
        chunk = await stream.read(_PIPE_CHUNK)
        if not chunk:
            return bytes(head), True
        head += chunk
    return bytes(head), False


async def chunks(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stream.read(_PIPE_CHUNK):
        yield chunk


def _describing(output_format: str) -> dict[str, str]:
    content_type = _CONTENT_TYPES.get(output_format, "text/plain; charset=UTF-8")
    return {"X-ClickHouse-Format": output_format, "Content-Type": content_type}


def _summary(counts: Counts) -> str:
    said = {
        "read_rows": counts.read_rows,
        "read_bytes": counts.read_bytes,
        "written_rows": counts.written_rows,
        "written_bytes": counts.written_bytes,
        "total_rows_to_read": counts.read_rows,
        "result_rows": counts.written_rows,
        "result_bytes": counts.written_bytes,
        "elapsed_ns": counts.elapsed_ns,
    }
    return orjson.dumps({name: str(value) for name, value in said.items()}).decode()
