"""Plain taps, answered without an ASGI task."""

from edge.fast.answer import raw_answer
from edge.fast.parse import PlainRequest, plain_request
from edge.redirect import Redirector
from edge.visit import VisitFrom
from routing.decide import Decision
from routing.found import Found
from routing.visit import Visit
from runtime.guard.guard import Connection


class TapShortcut:
    """The shortcut of a guard (runtime/guard/guard.py)."""

    def __init__(self, redirector: Redirector, visit_from: VisitFrom) -> None:
        self._redirector = redirector
        self._visit_from = visit_from
        self.read = plain_request

    def answer(self, request: PlainRequest, connection: Connection) -> None:
        method, code, query, fields, closes = request
        if closes:
            connection.read_no_more()
        visit = self._visit_from(method, code, query, fields, connection.peer)
        self._redirector.take(visit, _Answer(connection, visit).send)


class _Answer:
    """The answer that a connection is owed for a tap."""

    __slots__ = ("_connection", "_visit")

    def __init__(self, connection: Connection, visit: Visit) -> None:
        self._connection: Connection | None = connection
        self._visit = visit

    def send(self, decision: Decision, found: Found) -> None:
        """Send it; a second time, nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            is_last = connection.is_last
            connection.answer(raw_answer(decision, self._visit, found, keep_alive=not is_last))
