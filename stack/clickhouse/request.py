"""What a request asks for, from its parameters and headers."""

import re
from collections.abc import Mapping

import msgspec
from aiohttp import web

from stack.clickhouse.engine import Session
from stack.clickhouse.errors import BAD_ARGUMENTS, NOT_IMPLEMENTED, READONLY, ClickHouseError
from stack.clickhouse.harmless_settings import HARMLESS
from stack.clickhouse.processes import Process
from stack.clickhouse.users import ANALYST, WRITER, Limits, User

# Parameters of the protocol itself; every other one is a setting (ClickHouse docs, "HTTP interface").
# fmt: off
_PROTOCOL = frozenset({
    "query", "database", "default_format", "query_id", "user", "password", "role", "quota_key", "log_comment",
    "session_id", "session_timeout", "session_check", "close_session", "stacktrace", "client_protocol_version",
    "compress", "decompress", "enable_http_compression", "http_zlib_compression_level", "http_response_headers",
    "wait_end_of_query", "buffer_size", "add_http_cors_header", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close",
    "http_write_exception_in_output_format",
})
# fmt: on

# An analyst's client asks with the URL as printed; the product names the database of every statement.
_DEFAULT_DATABASE = {WRITER: "default", ANALYST: "taptrail"}
_FORMAT_NAME = re.compile(r"\w+", re.ASCII)
_IN_HEAD = 1 << 20
_IN_HEAD_WHEN_WAITING = 64 << 20


class Asked(msgspec.Struct, frozen=True):
    query: str
    query_id: str
    default_format: str
    session: Session
    accept_encoding: str  # '' unless the client asked for compression
    head_bytes: int  # an answer up to here is sent whole, with its summary and its status


def query_id_of(request: web.Request) -> str:
    """The id that the client gave its statement, or ''; raises ClickHouseError."""
    return _told_back("query_id", request, "X-ClickHouse-Query-Id")


def _told_back(name: str, request: web.Request, header: str) -> str:
    """What the client says by parameter or header and reads again in a header of the answer."""
    text: str = request.query.get(name) or request.headers.get(header) or ""
    if not text.isascii() or not text.isprintable():
        raise ClickHouseError(BAD_ARGUMENTS, f"{name} {text!a} is not printable ASCII", "BAD_ARGUMENTS")
    return text


def _refuse_raw_bytes(texts: Mapping[str, str]) -> None:
    """aiohttp hands on bytes that are not UTF-8 as lone surrogates, which the engine does not take."""
    for name, text in texts.items():
        try:
            (name + text).encode()
        except UnicodeEncodeError:
            raise ClickHouseError(BAD_ARGUMENTS, f"{name!a} {text!a} is not UTF-8", "BAD_ARGUMENTS") from None


def asked_from(request: web.Request, user: User, process: Process) -> Asked:
    """Raises ClickHouseError for what this server does not do and for what the user may not set."""
    arguments, headers = request.query, request.headers
    _refuse_raw_bytes({**arguments, "X-ClickHouse-Database": headers.get("X-ClickHouse-Database", "")})
    for name in ("compress", "decompress"):
        if arguments.get(name, "0") not in ("0", ""):
            raise ClickHouseError(
                NOT_IMPLEMENTED,
                f"{name}=1 is not supported; use Content-Encoding, or enable_http_compression=1 with Accept-Encoding",
                "NOT_IMPLEMENTED",
            )
    is_waiting = arguments.get("wait_end_of_query", "0") not in ("0", "")
    return Asked(
        query=arguments.get("query", ""),
        query_id=process.query_id,
        default_format=_default_format(request),
        session=_session(request, user, process.mark),
        accept_encoding=headers.get("Accept-Encoding", "") if arguments.get("enable_http_compression") == "1" else "",
        head_bytes=_IN_HEAD_WHEN_WAITING if is_waiting else _IN_HEAD,
    )


def _default_format(request: web.Request) -> str:
    """A name and nothing else: it becomes part of the statement that runs."""
    name = _told_back("default_format", request, "X-ClickHouse-Format") or "TabSeparated"
    if not _FORMAT_NAME.fullmatch(name):
        raise ClickHouseError(BAD_ARGUMENTS, f"default_format {name!r} is not the name of a format", "BAD_ARGUMENTS")
    return name


def _session(request: web.Request, user: User, mark: str) -> Session:
    arguments, headers = request.query, request.headers
    settings = {
        name: text for name, text in arguments.items() if name not in _PROTOCOL and not name.startswith("param_")
    }
    if user.role == ANALYST:
        settings = Limits().over(_allowed(settings))
    database = arguments.get("database") or headers.get("X-ClickHouse-Database") or _DEFAULT_DATABASE[user.role]
    if user.role == ANALYST and database.lower() == "system":
        raise ClickHouseError(READONLY, "database system is out of reach; name its tables as system.x", "READONLY")
    return Session(
        mark=mark,
        role=user.role,
        database=database,
        settings=settings,
        reads_only=request.method in ("GET", "HEAD") or user.role == ANALYST,
        parameters={name[6:]: text for name, text in arguments.items() if name.startswith("param_")},
    )


def _allowed(settings: Mapping[str, str]) -> dict[str, str]:
    limits = {field.name for field in msgspec.structs.fields(Limits)}
    for name in settings:
        if name not in limits and name not in HARMLESS:
            raise ClickHouseError(READONLY, f"Cannot modify '{name}' setting in readonly mode", "READONLY")
    return {name: text for name, text in settings.items() if name != "readonly"}
