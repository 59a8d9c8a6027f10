"""The tap's own way through uvicorn: parsed by httptools, answered without an ASGI task.

A tap costs 15-17 us of a core as an ASGI request on uvicorn or granian and under 6 us here (docs/decisions).
Everything that is not a plain tap (other paths and methods, pipelined requests) goes to the application.
Nothing that strangers send is logged, and nothing they send or leave out keeps memory or a place for long.
"""

import asyncio
import re
from collections.abc import Callable
from math import inf
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge.connections import Connections
from edge.decide import Decision
from edge.redirect import Redirector
from edge.responses import raw_answer
from edge.visit import Visit

# Paths the application answers itself.
OWN_PATHS = frozenset({b"/", b"/robots.txt", b"/favicon.ico"})
_TAP_METHODS = frozenset({b"GET", b"HEAD"})
WELL_KNOWN = b"/.well-known/"
MAX_URL_BYTES = 8192
MAX_HELD_BYTES = 64 * 1024  # of requests not whole yet, or of a body nobody asked for
MAX_PIPELINED = 100  # requests that wait for answers of one connection

IDLE_S = 75.0  # between two requests; browsers connect ahead of a tap
HEAD_S = 20.0  # from the first byte of a request to the end of its head
UNREAD_S = 20.0  # for a client to take what it asked for
DRAIN_IDLE_S = 0.5

_RAW = re.compile(rb"[\x80-\xff]")


class _NoEvent:
    """Nobody waits for the body of a tap."""

    def set(self) -> None: ...


class Tap:
    """What uvicorn asks of a request in progress, for a tap; replying completes it."""

    __slots__ = ("_connection", "body", "disconnected", "head", "keep_alive", "message_event", "more_body",
                 "response_complete")  # fmt: skip
    no_event = _NoEvent()

    def __init__(self, connection: "TapConnection", *, head: bool, keep_alive: bool) -> None:
        self._connection = connection
        self.head = head
        self.keep_alive = keep_alive
        self.response_complete = False
        self.disconnected = False
        self.more_body = False
        self.body = bytearray()
        self.message_event = self.no_event

    def reply(self, decision: Decision, brand: str) -> None:
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        transport = self._connection.transport
        transport.write(raw_answer(decision, brand, head=self.head, keep_alive=self.keep_alive))
        if not self.keep_alive:
            transport.close()
        self._connection.on_response_complete()


def tap_connection(
    redirector: Redirector, visit_from: Callable[[dict[str, Any]], Visit], connections: Connections
) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` option."""

    class Bound(TapConnection):
        pass

    Bound.redirector = redirector
    Bound.visit_from = staticmethod(visit_from)
    Bound.siblings = connections
    return Bound


class TapConnection(HttpToolsProtocol):
    redirector: Redirector
    visit_from: Callable[[dict[str, Any]], Visit]
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
        if not self._held_bytes and self.is_idle:
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
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if self._hosts != 1 and (self._hosts or version == "1.1"):  # RFC 9112 3.2
            self._refuse()
        elif self._is_tap(method):
            self._take(method, version)
        elif len(self.pipeline) >= MAX_PIPELINED:
            self._end()
        else:
            self.deadline = inf
            super().on_headers_complete()

    def _is_tap(self, method: bytes) -> bool:
        url = self.url
        return (
            method in _TAP_METHODS
            and url.startswith(b"/")
            and url.partition(b"?")[0] not in OWN_PATHS
            and not url.startswith(WELL_KNOWN)
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _take(self, method: bytes, version: str) -> None:
        self.deadline = inf
        path, _, query = self.url.partition(b"?")
        self.scope["method"] = method.decode()
        self.scope["raw_path"] = path
        self.scope["query_string"] = query
        parser = self.parser
        stays = version == "1.1" and parser.should_keep_alive() and not parser.should_upgrade()
        tap = Tap(self, head=method == b"HEAD", keep_alive=stays and not self.siblings.draining)
        self.cycle = tap  # type: ignore[assignment]
        self.redirector.take(self.visit_from(self.scope), tap.reply)  # type: ignore[arg-type]

    def on_body(self, body: bytes) -> None:
        if not (self._takes_no_more or isinstance(self.cycle, Tap)):
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._held_bytes, self._in_line = 0, True
        if not (self._takes_no_more or isinstance(self.cycle, Tap)):
            super().on_message_complete()
