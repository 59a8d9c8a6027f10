"""The requests of a connection that need more than the shortcut, each in its turn."""

import asyncio
from math import inf
from typing import Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from runtime.guard.behind import Behind
from runtime.guard.guard import Connection, Guard
from runtime.guard.raw import BAD_REQUEST, TOO_LARGE
from runtime.guard.reader import HeadTooLarge, NotHttp, Reader
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
FIELD_BYTES = 200  # what Python takes for a header field beside its bytes
BODY_BYTES = 256 * 1024  # of a body count as held at most: what is longer goes to the disk
# A body is sent at this pace, or the connection is let go: 273 bytes a second.
PACE_S = 30.0
PACE_BYTES = 8 * 1024


class Moved(Connection, Protocol):
    """The connection, as it is moved by what it reads."""

    state: State
    deadline: float

    @property
    def is_all_read(self) -> bool: ...

    def on(self, event: str) -> None: ...

    def hold(self, held_bytes: int) -> None: ...

    def close(self, last_words: bytes = b"") -> None: ...


class Turns:
    __slots__ = ("_behind", "_connection", "_guard", "_head_bytes", "_paced_bytes", "_reader", "_server", "_transport")

    def __init__(self, connection: Moved, guard: Guard, transport: asyncio.Transport, behind: Behind) -> None:
        self._connection = connection
        self._guard = guard
        self._transport = transport
        self._behind = behind
        self._reader = Reader()
        self._server: HttpToolsProtocol | None = None
        self._head_bytes = 0  # what the head in work costs
        self._paced_bytes = 0  # of the body, when its time was last prolonged

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
        except HeadTooLarge:
            self._refuse(TOO_LARGE)
        except NotHttp:
            self._refuse(BAD_REQUEST)
        if connection.state in OWED or connection.state is UNREAD:
            self._hold()
        elif connection.state in TAKES_REQUESTS:
            self._await_more()
        self.account()

    def account(self) -> None:
        """Say what is held for this connection, and until when its body has to go on."""
        connection, reader = self._connection, self._reader
        is_owed = connection.state in OWED
        if not is_owed and not reader.in_body:
            self._let_fields_go()
        body_bytes = min(reader.body_bytes, BODY_BYTES) if is_owed else 0
        connection.hold(reader.held_bytes + reader.parser_bytes + self._head_bytes + body_bytes)
        if connection.state is ANSWERING:
            self._keep_pace()

    def _keep_pace(self) -> None:
        connection, reader = self._connection, self._reader
        if not reader.in_body:
            connection.deadline = inf
        elif connection.deadline == inf or reader.body_bytes - self._paced_bytes >= PACE_BYTES:
            connection.deadline = self._guard.now + PACE_S
            self._paced_bytes = reader.body_bytes

    def _let_fields_go(self) -> None:
        """uvicorn keeps the request that it answered last until the next one."""
        self._head_bytes = 0
        if self._server is not None:
            self._server.cycle = None  # type: ignore[assignment]
            self._server.scope = None  # type: ignore[assignment]
            self._server.headers = []

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
        self._head_bytes = 2 * len(head) + FIELD_BYTES * self._reader.fields
        self._paced_bytes = 0
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

    def _refuse(self, answer: bytes) -> None:
        """This answer, unless it would be taken for the answer to another request."""
        connection, was_in_body = self._connection, self._reader.in_body
        self._drop()
        if connection.state in OWED:
            connection.on(BREAK)
        elif connection.state in TAKES_REQUESTS:
            connection.close(b"" if was_in_body else answer)

    def _drop(self) -> None:
        """What is held, and what may come."""
        self._reader.close()
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
        self._reader.close()
        if self._server is not None:
            self._server.connection_lost(None)  # with an error it would forget to cancel its timer
            self._server = None
