"""Connections to the engine's server: how many there may be, and what each may hold before it is served."""

import asyncio
from typing import Any, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from runtime.guard.guard import Connection, Guard
from runtime.guard.states import HEAD_S, IDLE_S

# A statement may be a parameter of the URL; other fields are short.
LIMITS: dict[str, Any] = {"max_line_size": 1 << 20, "max_field_size": 8 * 1024, "max_headers": 100}

_NEVER = float("inf")


class Connections:
    """Makes the protocols of an application's connections; the guard lets go of those that do not ask, and of many.

    What a request does once its head is there is bounded by the application, which first wants to know the user.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._of_transport: dict[asyncio.BaseTransport | None, _Connection] = {}

    @web.middleware
    async def watched(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A middleware of the application."""
        connection = self._of_transport.get(request.transport)
        if connection is None:  # lost meanwhile
            return await handler(request)
        connection.begun()
        try:
            return await handler(request)
        finally:
            connection.answered()

    def protocol(self, server: web.Server) -> asyncio.Protocol:
        """One connection of the server."""
        return _Connection(self._guard, self._of_transport, server())


class _Connection(asyncio.Protocol):
    """Stands before aiohttp's protocol, which bounds no time but between two requests.

    A Connection of the guard, but for what only a server of uvicorn's calls.
    """

    def __init__(
        self, guard: Guard, of_transport: dict[asyncio.BaseTransport | None, "_Connection"], behind: asyncio.Protocol
    ) -> None:
        self._guard, self._of_transport, self._behind = guard, of_transport, behind
        self.held_bytes = 0  # of a head that is not whole
        self.is_idle = True
        self.deadline = guard.now + IDLE_S

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._of_transport[transport] = self
        self._behind.connection_made(transport)
        self._guard.add(cast(Connection, self))

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.discard(cast(Connection, self))
        self._hold(0)
        self._of_transport.pop(self._transport, None)
        self._behind.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_idle:
            if not self.held_bytes:
                self.deadline = self._guard.now + HEAD_S
            self._hold(self.held_bytes + len(data))
        self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()

    # What the application and the guard call.

    def begun(self) -> None:
        """A head is whole."""
        self.is_idle, self.deadline = False, _NEVER
        self._hold(0)

    def answered(self) -> None:
        self.is_idle, self.deadline = True, self._guard.now + IDLE_S

    def late(self) -> None:
        self.let_go()

    def let_go(self) -> None:
        self._transport.abort()

    def _hold(self, held_bytes: int) -> None:
        if held_bytes != self.held_bytes:
            self._guard.budget.change(self, held_bytes - self.held_bytes)
