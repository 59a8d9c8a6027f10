"""The tap's own way through uvicorn: parsed by httptools, answered without an ASGI task.

A tap costs 15-17 us of a core as an ASGI request on uvicorn or granian and under 6 us here (docs/decisions).
Everything that is not a plain tap (other paths and methods, pipelined requests, bodies) goes to the application.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge.decide import Decision
from edge.redirect import Redirector
from edge.responses import raw_answer
from edge.visit import Visit

# Paths the application answers itself.
OWN_PATHS = frozenset({b"/", b"/robots.txt", b"/favicon.ico"})
_TAP_METHODS = frozenset({b"GET", b"HEAD"})
WELL_KNOWN = b"/.well-known/"
MAX_URL_BYTES = 8192
MAX_HEAD_BYTES = 320 * 1024  # one read of the loop is 256 KiB at most
DRAIN_IDLE_S = 0.5


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


def tap_connection(redirector: Redirector, visit_from: Callable[[dict[str, Any]], Visit]) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` option."""

    class Bound(TapConnection):
        pass

    Bound.redirector = redirector
    Bound.visit_from = staticmethod(visit_from)
    return Bound


class TapConnection(HttpToolsProtocol):
    redirector: Redirector
    visit_from: Callable[[dict[str, Any]], Visit]
    _head_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._expect_more()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and self._between_answers():
            self.transport.close()
        elif self.timeout_keep_alive_task is None and self._between_answers():
            self._expect_more()

    def shutdown(self) -> None:
        """Answer what is on its way; a connection just accepted has its request in the socket."""
        self.draining = True
        if self._between_answers():
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(DRAIN_IDLE_S, self.timeout_keep_alive_handler)
        else:
            self.cycle.keep_alive = False

    draining = False

    def _between_answers(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _expect_more(self) -> None:
        """uvicorn arms this timer behind an answer only: who never asks, or never ends a request, would stay."""
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_url(self, url: bytes) -> None:
        if len(self.url) + len(url) > MAX_URL_BYTES:
            url = url[: MAX_URL_BYTES - len(self.url)]  # no code is that long: unknown either way
        super().on_url(url)

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        method: bytes = self.parser.get_method()
        if not self._is_tap(method):
            super().on_headers_complete()
            return
        path, _, query = self.url.partition(b"?")
        self.scope["method"] = method.decode()
        self.scope["raw_path"] = path
        self.scope["query_string"] = query
        keep_alive = not self.draining and self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        tap = Tap(self, head=method == b"HEAD", keep_alive=keep_alive)
        self.cycle = tap  # type: ignore[assignment]
        self.redirector.take(self.visit_from(self.scope), tap.reply)  # type: ignore[arg-type]

    def _is_tap(self, method: bytes) -> bool:
        url = self.url
        return (
            method in _TAP_METHODS
            and url.startswith(b"/")
            and url.partition(b"?")[0] not in OWN_PATHS
            and not url.startswith(WELL_KNOWN)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.parser.should_upgrade()
            and not self.expect_100_continue
        )

    def on_body(self, body: bytes) -> None:
        if not isinstance(self.cycle, Tap):
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not isinstance(self.cycle, Tap):
            super().on_message_complete()
