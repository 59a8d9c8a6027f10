"""The text of a request: the parameter and the body together, and where in them the rows begin."""

from collections.abc import Callable
from io import BytesIO
from typing import IO

from stack.clickhouse.errors import READONLY, SYNTAX_ERROR, ClickHouseError
from stack.clickhouse.reach import Reach
from stack.clickhouse.statement import Insert, Malformed, Statement, begins_insert, parse
from stack.clickhouse.users import ANALYST

_HEAD = 1 << 20
_MAX_STATEMENT_BYTES = 16 << 20


class Text:
    def __init__(self, head: bytes, body: IO[bytes]) -> None:
        self._head, self._body = head, body
        self._rows_from = 0
        self.statement = self._parsed()

    @property
    def shown(self) -> str:
        """For system.processes."""
        return self._head[:1000].decode("utf-8", "replace")

    def whole(self) -> str:
        return self._head.decode()

    def rows(self, size: int) -> bytes:
        """The rows of an INSERT, in order, b"" at their end."""
        if self._rows_from < len(self._head):
            chunk = self._head[self._rows_from : self._rows_from + size]
            self._rows_from += len(chunk)
            return chunk
        return self._body.read(size)

    def _parsed(self) -> Statement:
        try:
            if begins_insert(self._head):
                statement = parse(self._head)
                if isinstance(statement, Insert):
                    self._rows_from = statement.data_start
                    return statement
            self._read_all()
            self._head.decode()
            return parse(self._head)
        except (Malformed, UnicodeDecodeError) as error:
            raise ClickHouseError(SYNTAX_ERROR, f"Syntax error: {error}", "SYNTAX_ERROR") from error

    def _read_all(self) -> None:
        self._head += self._body.read(_MAX_STATEMENT_BYTES)
        if len(self._head) > _MAX_STATEMENT_BYTES:
            raise ClickHouseError(SYNTAX_ERROR, f"Max query size exceeded: {_MAX_STATEMENT_BYTES}", "SYNTAX_ERROR")


def read_text(query: str, body: IO[bytes], role: str, reach: Reach, written_by_engine: Callable[[str], str]) -> Text:
    """Take a request's text apart; raises ClickHouseError, also for what the role may not name.

    For an analyst the text becomes the engine's own writing of it: what was judged is what runs. Blocks, where the
    engine writes.
    """
    head = body.read(_HEAD)
    text = Text(query.encode() + (b"\n" if query and head else b"") + head, body)
    if isinstance(text.statement, Insert) and role == ANALYST:
        raise ClickHouseError(READONLY, "Cannot execute query in readonly mode", "READONLY")
    canonical = written_by_engine(_judged(text)).encode()
    if fault := reach.fault_of_analyst(canonical) if role == ANALYST else reach.fault_of_anybody(canonical):
        raise ClickHouseError(READONLY, fault, "READONLY")
    return Text(canonical, BytesIO()) if role == ANALYST else text


def _judged(text: Text) -> str:
    """The statement that the engine writes again: of an INSERT whose rows follow as bytes, what stands before them."""
    if isinstance(text.statement, Insert):
        return f"{text.statement.head} FORMAT {text.statement.format}"
    return text.whole()
