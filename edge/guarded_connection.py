"""uvicorn's HTTP/1.1 connection, for strangers: what they send or leave out keeps no memory and no place for long.

Nothing here is logged: strangers would fill the logs.
"""

import asyncio
import re
from math import inf

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge.connections import Connections
from edge.fast.answer import raw_answer
from routing.decide import OVERLOADED

MAX_URL_BYTES = 8192
MAX_HELD_BYTES = 64 * 1024  # of requests not whole yet, or of a body nobody asked for
MAX_PIPELINED = 100  # requests that wait for answers of one connection

IDLE_S = 75.0  # between two requests; browsers connect ahead of a tap
HEAD_S = 10.0  # from the first byte of a request to the end of its head
UNREAD_S = 20.0  # for a client to take what it asked for
DRAIN_IDLE_S = 0.5

_RAW = re.compile(rb"[\x80-\xff]")


class GuardedConnection(HttpToolsProtocol):
    siblings: Connections
    deadline = inf
    _hosts = 0
    _held_bytes = 0  # of a request whose head is not whole yet, or of a body
    _in_line = True  # the next byte belongs to a request line
    _takes_no_more = False  # what else arrives is not read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.deadline = self.siblings.now + IDLE_S
        self.siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.siblings.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._takes_no_more:
            return
        if self.cycle is None and self.siblings.shed_share and self.siblings.sheds():
            self._shed(data)
            return
        if not self._held_bytes and self.is_idle:
            if self._in_line and self.took_whole(data):
                return
            self.deadline = self.siblings.now + HEAD_S
        self._held_bytes += len(data)
        if self._held_bytes > MAX_HELD_BYTES:
            self._refuse()
            return
        try:
            # 0.03 us for the head of a phone; it is the price of the raw bytes below.
            self.parser.feed_data(data if data.isascii() else self._encoded(data))
        except httptools.HttpParserUpgrade:
            self._end()  # nothing is upgraded to: the request has its answer, and what follows it is not HTTP
        except httptools.HttpParserError:
            self._refuse()
        if self._held_bytes and self._in_line:
            self._in_line = b"\n" not in data

    def _shed(self, data: bytes) -> None:
        """503 without a look at the request: 2.7 times as many a second as connections whose taps are answered."""
        self._takes_no_more = True
        self.transport.write(raw_answer(OVERLOADED, "", head=data.startswith(b"HEAD "), keep_alive=False))
        self.transport.close()

    def _encoded(self, data: bytes) -> bytes:
        """The rest of a request line percent-encoded: messaging apps glue a raw curly quote to a link."""
        if not self._in_line:
            return data
        line, newline, rest = data.partition(b"\n")
        return _RAW.sub(lambda raw: b"%%%02X" % raw[0][0], line) + newline + rest

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that has said all may still listen: it gets the answers it is owed."""
        self._end()
        return not self.is_idle

    def shutdown(self) -> None:
        """Answer what is on its way; a connection just accepted has its request in the socket."""
        self.siblings.draining = True
        if self.is_idle:
            self.loop.call_later(DRAIN_IDLE_S, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self.is_idle:
            self.transport.close()

    @property
    def is_idle(self) -> bool:
        """No answer is owed."""
        return self.cycle is None or self.cycle.response_complete

    def let_go(self) -> None:
        self.transport.abort()

    def _end(self) -> None:
        """Close behind the answers that are owed."""
        self._takes_no_more = True
        if not self.is_idle:
            self.cycle.keep_alive = False

    def _refuse(self) -> None:
        """400, unless it would be taken for the answer to a request before."""
        if self.is_idle and not self.transport.is_closing():
            self.send_400_response("Bad request.\n")
        self._end()

    def pause_writing(self) -> None:
        """Who does not take answers gets no more of them."""
        super().pause_writing()
        self.flow.pause_reading()
        self.deadline = self.siblings.now + UNREAD_S

    def resume_writing(self) -> None:
        super().resume_writing()
        self._await_next()

    def on_response_complete(self) -> None:
        self._await_next()
        if self.pipeline and not self.transport.is_closing():
            self._start_asgi_task(*self.pipeline.pop())

    def _await_next(self) -> None:
        if self.flow.write_paused or self.transport.is_closing():
            return
        self.deadline = self.siblings.now + IDLE_S
        self.flow.resume_reading()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._hosts = 0

    def on_url(self, url: bytes) -> None:
        if len(self.url) + len(url) > MAX_URL_BYTES:
            url = url[: MAX_URL_BYTES - len(self.url)]  # no code is that long: unknown either way
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._takes_no_more:
            return
        self._held_bytes, self._in_line = 0, False
        if self._hosts != 1 and (self._hosts or self.parser.get_http_version() == "1.1"):  # RFC 9112 3.2
            self._refuse()
        elif len(self.pipeline) >= MAX_PIPELINED:
            self._end()
        else:
            self.deadline = inf
            self.on_request()

    def took_whole(self, data: bytes) -> bool:
        """Whether these bytes, which begin a request, were it and are taken care of."""
        return False

    def on_request(self) -> None:
        """A request is to be answered: by the application."""
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._takes_no_more:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._held_bytes, self._in_line = 0, True
        if not self._takes_no_more:
            super().on_message_complete()
