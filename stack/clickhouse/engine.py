"""The engine: one directory, one process, a handle of its own for every statement.

A handle is a session: its settings, database and role end with it, so nothing of one request reaches the next.
Opening one takes 0.3 ms. This process must never fork: a child of a process that has loaded chdb hangs.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import chdb
import msgspec

from stack.clickhouse.errors import BAD_ARGUMENTS, READONLY, ClickHouseError, EngineError
from stack.clickhouse.statement import Insert, Select
from stack.clickhouse.users import ANALYST, WRITER, users_options

_CHUNK = 4 << 20
_CODE = re.compile(r"^Code: \d+\. DB::Exception: ")
_AROUND = re.compile(r"\.? ?: ?In scope SELECT formatQuerySingleLine.*(?= \()", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# A machine of two cores and a few GB: the defaults of a server start hundreds of threads.
_SMALL = {
    "background_pool_size": 2,
    "background_schedule_pool_size": 4,
    "background_schedule_pool_initial_size": 2,
    "background_common_pool_size": 2,
    "background_move_pool_size": 1,
    "background_fetches_pool_size": 1,
    "mark_cache_size": 128 << 20,
}

# Where the embedded engine differs from a server by default.
_AS_A_SERVER = {"implicit_select": "0", "allow_introspection_functions": "0", "storage_file_read_method": "pread"}
_LONG = {"max_query_size": str(64 << 20)}  # of what formatQuery parses
_WRITTEN = 256  # statements: the product's own come again and again, with parameters
_KEPT_WRITTEN = 64 << 10  # bytes of one that is kept: 32 MiB in all, twice

# Behind whatever a user set: none of them leads to a file.
_NO_FILES = {
    "output_format_schema": "",
    "format_schema": "",
    "format_template_row": "",
    "format_template_resultset": "",
}


class Session(msgspec.Struct, frozen=True):
    """What a statement runs with. mark: stands in system.processes, so that the statement can be killed."""

    mark: str
    role: str = WRITER
    database: str = "default"
    settings: Mapping[str, str] = {}
    reads_only: bool = False
    parameters: Mapping[str, str] = {}


class Counts(msgspec.Struct, frozen=True):
    """What a statement read and wrote, for X-ClickHouse-Summary."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    elapsed_ns: int = 0


class Engine:
    """Every call blocks its thread; calls run side by side. Raises ClickHouseError."""

    def __init__(self, data: Path, max_memory_bytes: int, roles: Mapping[str, Sequence[str]]) -> None:
        data.mkdir(parents=True, exist_ok=True)
        options = {**_SMALL, "max_server_memory_usage": max_memory_bytes, **users_options(data, roles)}
        self._uri = f"{data / 'engine'}?{urlencode(options, safe='/')}"
        self._root = self._opened()
        self.version = self._root.query("SELECT version()", "TSVRaw").bytes().decode().strip()
        self._written = lru_cache(_WRITTEN)(self._write_again)
        self.timezone = self._root.query("SELECT serverTimezone()", "TSVRaw").bytes().decode().strip()

    def table_functions(self) -> list[str]:
        return self._root.query("SELECT name FROM system.table_functions", "TSVRaw").bytes().decode().split()  # type: ignore[no-any-return]

    def written(self, sql: str) -> str:
        """A statement as the engine writes it once it has parsed it: one line, names quoted where they must be."""
        return self._written(sql) if len(sql) <= _KEPT_WRITTEN else self._write_again(sql)

    def run(self, session: Session, sql: str, default_format: str) -> tuple[bytes, Counts]:
        """Run a statement whose answer is small, or that answers nothing."""
        with self._handle(session, sql) as handle:
            result = handle.query(sql, default_format, params=dict(session.parameters))
            return result.bytes(), _counts(result)

    def write_to(self, pipe: int, session: Session, select: Select, default_format: str) -> Counts:
        """Run a SELECT whose answer, of any size and in any format, goes into a pipe as it is made."""
        name = select.format or default_format
        sql = f"{select.head}\nINTO OUTFILE '/dev/fd/{pipe}' TRUNCATE FORMAT {name}{select.tail}"
        with self._handle(session, f"{select.head}\n{select.tail}") as handle:
            return _counts(handle.query(sql, default_format, params=dict(session.parameters)))

    def insert(self, session: Session, insert: Insert, rows: Callable[[int], bytes]) -> Counts:
        """Insert what `rows(size)` gives until it gives nothing: one part, if it fits one block.

        Through a pipe, not by chdb's send_insert: that one swallows whatever fails behind the parser (too many parts,
        a default that throws, a full disk) and counts the rows as written.
        """
        with self._handle(session, insert.head + "VALUES") as handle, _piped(rows) as pipe:
            into, settings = insert.into_and_settings()
            sql = f"{into}\nFROM INFILE '/dev/fd/{pipe}' {settings}\nFORMAT {insert.format}"
            return _counts(handle.query(sql, "TSV", params=dict(session.parameters)))

    def kill(self, marks: list[str]) -> None:
        """Ask the statements of these sessions to stop; returns immediately."""
        listed = ", ".join(quoted(mark) for mark in marks)
        self.run(Session(""), f"KILL QUERY WHERE Settings['log_comment'] IN ({listed}) ASYNC", "TSV")

    def close(self) -> None:
        self._root.close()

    def _write_again(self, sql: str) -> str:
        with _in_the_words_of_the_sender(), self._handle(Session("", settings=_LONG), "") as handle:
            written: bytes = handle.query(f"SELECT formatQuerySingleLine({quoted(sql)})", "TSVRaw").bytes()
        return written.decode().strip()

    def _opened(self) -> Any:
        try:
            return chdb.connect(self._uri)  # type: ignore[no-untyped-call]
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(error) from error

    @contextmanager
    def _handle(self, session: Session, sql: str) -> Iterator[Any]:
        handle = self._opened()
        try:
            if session.reads_only:
                _refuse_unless_it_reads(handle, sql)
            _prepare(handle, session)
            yield handle
        except (chdb.ChdbError, RuntimeError) as error:
            raise EngineError(error) from error
        finally:
            handle.close()


@contextmanager
def _in_the_words_of_the_sender() -> Iterator[None]:
    """A syntax error without our own statement around theirs."""
    try:
        yield
    except EngineError as error:
        raise ClickHouseError(error.code, _AROUND.sub("", _CODE.sub("", str(error)))) from None


@contextmanager
def _piped(rows: Callable[[int], bytes]) -> Iterator[int]:
    """The end of a pipe from which the rows can be read."""
    read_end, write_end = os.pipe()

    def feed() -> None:
        with suppress(BrokenPipeError), open(write_end, "wb", buffering=0) as pipe:
            while chunk := rows(_CHUNK):
                while chunk:
                    chunk = chunk[pipe.write(chunk) :]

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        yield read_end
    finally:
        os.close(read_end)  # who still writes ends
        feeder.join()


def _prepare(handle: Any, session: Session) -> None:
    _set(handle, {**_AS_A_SERVER, **session.settings, **_NO_FILES, "log_comment": session.mark})
    if session.database != "default":
        handle.query(f"USE {_identifier(session.database)}", "TSV")
    if session.role != WRITER:
        handle.query(f"SET ROLE {session.role}", "TSV")
    if session.role == ANALYST:
        handle.query("SET readonly = 1", "TSV")  # last: from here on nothing can be set


def _refuse_unless_it_reads(handle: Any, sql: str) -> None:
    """By the engine's own parser: one statement, that changes nothing and leaves files and sessions alone."""
    report = handle._conn.classify_query(sql)
    if report["query_class"].name != "READ_ONLY" or report["statement_count"] != 1:
        raise ClickHouseError(READONLY, "Cannot execute query in readonly mode", "READONLY")


def _set(handle: Any, settings: Mapping[str, str]) -> None:
    for name in settings:
        if not _NAME.fullmatch(name):
            raise ClickHouseError(BAD_ARGUMENTS, f"{name!r} is not the name of a setting or parameter", "BAD_ARGUMENTS")
    if settings:
        handle.query("SET " + ", ".join(f"{name} = {quoted(text)}" for name, text in settings.items()), "TSV")


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _counts(result: Any) -> Counts:
    return Counts(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        elapsed_ns=int(result.elapsed() * 1e9),
    )
