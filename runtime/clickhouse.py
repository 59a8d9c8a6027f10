"""A small client of ClickHouse's HTTP interface: rows in, rows out, and errors sorted by what the caller does next."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import aiohttp
import msgspec

T = TypeVar("T")

log = logging.getLogger(__name__)

# INSERTs must be synchronous to be exact: since 26.2 a server's default is async_insert=1.
_INSERT_SETTINGS = {"async_insert": "0", "max_insert_threads": "1", "deduplicate_insert": "disable"}


class ClickHouseRefused(Exception):
    """ClickHouse answered with an error: the statement did not take effect as a whole."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message.strip()[:500] or f"ClickHouse error {code}")
        self.code = code


class ClickHouseUnreachable(Exception):
    """No answer: for a write it is not known whether it took effect."""


class ClickHouseNameUnknown(ClickHouseUnreachable):
    """Its host name does not resolve."""


class ClickHouse:
    """url: http[s]://user:password@host:port; every call raises ClickHouseRefused or ClickHouseUnreachable."""

    def __init__(self, url: str, *, database: str = "taptrail", timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        self._endpoint = (
            f"{parts.scheme}://{parts.hostname}:{parts.port or (8443 if parts.scheme == 'https' else 8123)}/"
        )
        self._headers = {
            "X-ClickHouse-User": unquote(parts.username or "default"),
            "X-ClickHouse-Key": unquote(parts.password or ""),
        }
        self._database = database
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, 5.0))
        self._session: aiohttp.ClientSession | None = None

    async def rows(self, sql: str, row: type[T], **params: Any) -> list[T]:
        """All rows of a SELECT, each a `row`. {name:Type} in sql takes params.

        row: a Struct with the columns as fields, by name, or by position where it is array_like.
        """
        decoder = msgspec.json.Decoder(row)
        by_position = issubclass(row, msgspec.Struct) and row.__struct_config__.array_like
        line_format = "JSONCompactEachRow" if by_position else "JSONEachRow"
        body = await self._post(sql, params, {"default_format": line_format})
        return [decoder.decode(line) for line in body.splitlines()]

    async def value(self, sql: str, **params: Any) -> Any:
        """The first column of the first row, or None."""
        body = await self._post(sql, params, {"default_format": "JSONCompactEachRow"})
        first = body.split(b"\n", 1)[0]
        return msgspec.json.decode(first)[0] if first else None

    async def body(self, sql: str, **params: Any) -> bytes:
        """The whole answer, in the format that sql names."""
        return await self._post(sql, params, {})

    async def execute(self, sql: str, **params: Any) -> None:
        await self._post(sql, params, {})

    async def insert_rows(self, table: str, rows: list[Any], *, query_id: str = "") -> None:
        """Insert Structs or dicts whose fields are columns of the table, all or none."""
        encoder = msgspec.json.Encoder()
        body = b"\n".join(encoder.encode(msgspec.to_builtins(_as_dict(row))) for row in rows)
        await self.insert(f"INSERT INTO {table} FORMAT JSONEachRow", body, query_id=query_id)

    async def insert(self, sql: str, body: bytes, *, query_id: str = "") -> None:
        """One INSERT with its data as the body, in the format that sql names."""
        arguments = {"query": sql, **_INSERT_SETTINGS}
        if query_id:
            arguments["query_id"] = query_id
        await self._send(arguments, body)

    async def lines(self, sql: str, **params: Any) -> AsyncIterator[bytes]:
        """The lines of an answer as they arrive, for results too large to hold."""
        try:
            async with self._open().post(
                self._endpoint, params=self._arguments(params, {}), data=sql.encode(), headers=self._headers
            ) as response:
                await _raise_for(response)
                async for line in response.content:
                    yield line.rstrip(b"\n")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClickHouseUnreachable(_describe(error)) from error

    async def execute_without_database(self, sql: str) -> None:
        """For CREATE DATABASE: a session in a database that does not exist yet is refused."""
        await self._send({"database": "default"}, sql.encode())

    async def ping(self) -> None:
        """Outside of the database, which does not exist yet on a new server."""
        await self._send({"database": "default"}, b"SELECT 1")

    async def alive(self, within_s: float) -> None:
        """Raises ClickHouseUnreachable where nothing answers. Every answer counts, also of a server that is full."""
        try:
            async with self._open().get(
                f"{self._endpoint}ping", timeout=aiohttp.ClientTimeout(total=within_s)
            ) as response:
                await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClickHouseUnreachable(_describe(error)) from error

    async def __aenter__(self) -> "ClickHouse":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _post(self, sql: str, params: Mapping[str, Any], settings: Mapping[str, str]) -> bytes:
        return await self._send(self._arguments(params, settings), sql.encode())

    def _arguments(self, params: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, str]:
        arguments = {"database": self._database, "output_format_json_quote_64bit_integers": "0", **settings}
        for name, value in params.items():
            arguments[f"param_{name}"] = _parameter(value)
        return arguments

    async def _send(self, arguments: Mapping[str, str], body: bytes) -> bytes:
        arguments = {"database": self._database, **arguments}
        try:
            async with self._open().post(
                self._endpoint, params=arguments, data=body, headers=self._headers
            ) as response:
                await _raise_for(response)
                return await response.read()
        except aiohttp.ClientConnectorDNSError as error:
            raise ClickHouseNameUnknown(error.host) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClickHouseUnreachable(_describe(error)) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, auto_decompress=True)
        return self._session


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    code = response.headers.get("X-ClickHouse-Exception-Code")
    if response.status == 200 and code is None:
        return
    message = (await response.read()).decode("utf-8", "replace")
    raise ClickHouseRefused(int(code or 0), message or f"HTTP {response.status}")


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _as_dict(row: Any) -> dict[str, Any]:
    if isinstance(row, msgspec.Struct):
        return msgspec.structs.asdict(row)
    return dict(row)


def array_literal(texts: Iterable[str]) -> str:
    """Texts as an array within a statement, for more of them than a parameter in a URL holds."""
    return "[" + ",".join(map(_element, texts)) + "]"


def text_literal(text: str) -> str:
    """A text within a statement, for where {name:Type} is not read."""
    return _element(text)


def _parameter(value: Any) -> str:
    """A value in the escaped text form that {name:Type} expects (ClickHouse docs, "HTTP interface")."""
    if isinstance(value, list | tuple):
        return array_literal(value)
    return _escaped(value) if isinstance(value, str) else str(value)


def _element(value: Any) -> str:
    if isinstance(value, str):
        return "'" + _escaped(value).replace("'", "\\'") + "'"
    return str(value)


def _escaped(text: str) -> str:
    return (
        text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0")
    )


async def wait_for_clickhouse(client: ClickHouse, give_up_after_s: float = 60.0) -> None:
    """Wait until ClickHouse answers; raises its last error when it does not in time. Logs why it waits."""
    deadline = asyncio.get_running_loop().time() + give_up_after_s
    logged = ""
    while True:
        try:
            await client.ping()
            return
        except (ClickHouseUnreachable, ClickHouseRefused) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            if (why := type(error).__name__) != logged:
                log.warning("clickhouse_awaited: not started before it answers", extra={"error": str(error)[:300]})
            logged = why
        await asyncio.sleep(0.2)
