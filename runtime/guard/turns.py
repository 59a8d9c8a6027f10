"""The requests of a connection that need more than the shortcut, each in its turn."""

import asyncio
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runtime.guard.behind import Behind
from runtime.guard.guard import Connection, Guard
from runtime.guard.raw import BAD_REQUEST
from runtime.guard.reader import NotHttp, Reader
from runtime.guard.states import (
    ANSWERING,
    BREAK,
    HEAD,
    OWED,
    PART,
    READING,
    SKIPPED,
    TAKES_REQUESTS,
    UNREAD,
    State,
)

MAX_HELD_BYTES = 64 * 1024  # of requests that wait for the answers before theirs
MAX_PIPELINED = 100  # requests that wait


class Moved(Connection, Protocol):
    """The connection, as it is moved by what it reads."""

    state: State

    @property
    def is_all_read(self) -> bool: ...

    def on(self, event: str) -> None: ...

    def close(self, last_words: bytes = b"") -> None: ...


class Turns:
    __slots__ = ("_behind", "_connection", "_guard", "_reader", "_server", "_transport")

    def __init__(self, connection: Moved, guard: Guard, transport: asyncio.Transport, behind: Behind) -> None:
        self._connection = connection
        self._guard = guard
        self._transport = transport
        self._behind = behind
        self._reader = Reader()
        self._server: HttpToolsProtocol | None = None

    @property
    def is_in_body(self) -> bool:
        return self._reader.in_body

    @property
    def holds_requests(self) -> bool:
        """Whether there are bytes of requests that were not given to be answered."""
        return not self._reader.in_body and self._reader.held_bytes > 0

    def read(self, data: bytes) -> None:
        self._reader.add(data)
        self.go_on()

    def go_on(self) -> None:
        """Have answered what may be answered now; then read on, or wait."""
        connection = self._connection
        try:
            self._take()
        except NotHttp:
            self._refuse()
        if connection.state in OWED or connection.state is UNREAD:
            self._hold()
        elif connection.state in TAKES_REQUESTS:
            self._await_more()

    def _take(self) -> None:
        reader, connection = self._reader, self._connection
        while reader.in_body or connection.state in TAKES_REQUESTS:
            is_head = not reader.in_body
            piece = reader.next()
            if not piece:
                return
            if is_head:
                self._begin(piece)
            else:
                self._give(piece)
            if reader.body_bytes > self._guard.max_body_bytes:
                raise NotHttp

    def _begin(self, head: bytes) -> None:
        self._connection.on(HEAD)
        if self._reader.is_last and not self._reader.in_body:
            self._drop()
        request = self._guard.shortcut.read(head)
        if request is not None:
            self._guard.shortcut.answer(request, self._connection)
        else:
            self._give(head)

    def _give(self, data: bytes) -> None:
        if self._server is None:
            self._server = self._behind.protocol(self._connection, self._transport)
        self._server.data_received(data)
        if self._transport.is_closing():  # uvicorn refuses what it cannot make a URL of
            self._connection.close()

    def _hold(self) -> None:
        """What arrives while an answer is owed waits, and so does the client."""
        reader, connection = self._reader, self._connection
        if reader.in_body:
            return  # uvicorn says when to read on
        if not reader.held_bytes:
            if connection.state is ANSWERING:
                self._transport.resume_reading()
            return
        self._transport.pause_reading()
        if reader.held_bytes > MAX_HELD_BYTES or reader.waiting > MAX_PIPELINED:
            reader.drop_behind(MAX_PIPELINED)
            connection.read_no_more()

    def _await_more(self) -> None:
        connection, is_between = self._connection, self._reader.is_between_requests
        if connection.is_all_read:
            connection.close()
        elif is_between and connection.state is READING:
            connection.on(SKIPPED)
        elif not is_between and connection.state is not READING:
            connection.on(PART)
        self._transport.resume_reading()

    def _refuse(self) -> None:
        """400, unless it would be taken for the answer to another request."""
        connection, was_in_body = self._connection, self._reader.in_body
        self._drop()
        if connection.state in OWED:
            connection.on(BREAK)
        elif connection.state in TAKES_REQUESTS:
            connection.close(b"" if was_in_body else BAD_REQUEST)

    def _drop(self) -> None:
        """What is held, and what may come."""
        self._reader = Reader()
        self._connection.read_no_more()

    def pause_writing(self) -> None:
        if not self._reader.in_body:
            self._transport.pause_reading()
        if self._server is not None:
            self._server.pause_writing()

    def resume_writing(self) -> None:
        if self._server is not None:
            self._server.resume_writing()
        self.go_on()

    def lost(self) -> None:
        if self._server is not None:
            self._server.connection_lost(None)  # with an error it would forget to cancel its timer
            self._server = None
