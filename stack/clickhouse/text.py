"""The text of a request: the parameter and the body together, and where in them the rows begin."""

import re
from typing import IO

from stack.clickhouse.errors import READONLY, SYNTAX_ERROR, ClickHouseError
from stack.clickhouse.statement import Insert, Malformed, Statement, begins_insert, parse, words
from stack.clickhouse.users import ANALYST

_HEAD = 1 << 20
_MAX_STATEMENT_BYTES = 16 << 20
# file() is the one function that reads this machine and that no grant of the engine covers. It is looked for in the
# whole text, strings included: a quoted name can be written in more ways ("f\\x69le") than a second lexer should judge.
_READS_FILES = re.compile(rb"(?<![a-z0-9_])file(?![a-z0-9_])|\\x", re.IGNORECASE)
# These reach the network or the memory of the process, again without a grant.
_REACHES_OUT = re.compile(rb"python|arrowstream|bigquery|ytsaurus|ai[a-z]+", re.IGNORECASE)


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

    def out_of_reach(self) -> str:
        """What an analyst may not write, '' if nothing of that is there."""
        if found := _READS_FILES.search(self._head):
            return found.group().decode()
        return next((word.decode() for word in words(self._head) if _REACHES_OUT.fullmatch(word)), "")

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


def read_text(query: str, body: IO[bytes], role: str) -> Text:
    """Take a request's text apart; raises ClickHouseError, also for what the role may not name."""
    head = body.read(_HEAD)
    text = Text(query.encode() + (b"\n" if query and head else b"") + head, body)
    if role == ANALYST:
        _refuse_out_of_reach(text)
    return text


def _refuse_out_of_reach(text: Text) -> None:
    if isinstance(text.statement, Insert):
        raise ClickHouseError(READONLY, "Cannot execute query in readonly mode", "READONLY")
    if word := text.out_of_reach():
        raise ClickHouseError(READONLY, f"{word!r} is out of reach of this user, also in quotes", "READONLY")
