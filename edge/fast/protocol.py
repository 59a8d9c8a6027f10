"""The tap's own way through uvicorn: read in one pass or parsed by httptools, answered without an ASGI task.

A tap costs 15-17 us of a core as an ASGI request on uvicorn or granian and under 6 us here (docs/decisions).
Everything that is not a plain tap (other paths and methods, pipelined requests) goes to the application.
"""

import asyncio
from math import inf

from edge.connections import Connections
from edge.fast.answer import raw_answer
from edge.fast.parse import NotPlain, plain_request
from edge.guarded_connection import GuardedConnection
from edge.redirect import Redirector
from edge.visit import Asked, VisitFrom, asked_in
from routing.decide import Decision

# Paths the application answers itself.
OWN_PATHS = frozenset({b"/", b"/robots.txt", b"/favicon.ico"})
_TAP_METHODS = frozenset({b"GET", b"HEAD"})
WELL_KNOWN = b"/.well-known/"


class _NoEvent:
    """Nobody waits for the body of a tap."""

    def set(self) -> None: ...


class Tap:
    """What uvicorn asks of a request in progress, for a tap; replying completes it."""

    __slots__ = ("_connection", "disconnected", "head", "keep_alive", "more_body", "response_complete")
    message_event = _NoEvent()

    def __init__(self, connection: "TapConnection", head: bool, keep_alive: bool) -> None:
        self._connection = connection
        self.head = head
        self.keep_alive = keep_alive
        self.response_complete = self.disconnected = self.more_body = False

    def reply(self, decision: Decision, brand: str) -> None:
        if self.response_complete or self.disconnected:
            return
        self.response_complete = True
        transport = self._connection.transport
        transport.write(raw_answer(decision, brand, head=self.head, keep_alive=self.keep_alive))
        if not self.keep_alive:
            transport.close()
        self._connection.on_response_complete()


def tap_connection(redirector: Redirector, visit_from: VisitFrom, connections: Connections) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's `http` option."""

    class Bound(TapConnection):
        pass

    Bound.redirector = redirector
    Bound.visit_from = staticmethod(visit_from)
    Bound.siblings = connections
    return Bound


class TapConnection(GuardedConnection):
    redirector: Redirector
    visit_from: VisitFrom

    def took_whole(self, data: bytes) -> bool:
        if self.siblings.draining:
            return False
        try:
            method, code, query, fields = plain_request(data)
        except NotPlain:
            return False
        tap = Tap(self, method == "HEAD", keep_alive=True)
        self.deadline = inf
        self._take(tap, (method, code, query, fields, self.client[0] if self.client else ""))
        return True

    def _take(self, tap: Tap, asked: Asked) -> None:
        self.cycle = tap  # type: ignore[assignment]
        self.redirector.take(self.visit_from(*asked), tap.reply)

    def on_request(self) -> None:
        method: bytes = self.parser.get_method()
        if not self._is_tap(method):
            super().on_request()
            return
        path, _, query = self.url.partition(b"?")
        scope = self.scope
        scope["method"], scope["raw_path"], scope["query_string"] = method.decode(), path, query
        self._take(Tap(self, head=method == b"HEAD", keep_alive=self._stays()), asked_in(scope))

    def _is_tap(self, method: bytes) -> bool:
        url = self.url
        return (
            method in _TAP_METHODS
            and url.startswith(b"/")
            and url.partition(b"?")[0] not in OWN_PATHS
            and not url.startswith(WELL_KNOWN)
            and self.is_idle
        )

    def _stays(self) -> bool:
        parser = self.parser
        if self.siblings.draining or parser.get_http_version() != "1.1":
            return False
        return bool(parser.should_keep_alive()) and not parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        if not isinstance(self.cycle, Tap):
            super().on_body(body)
