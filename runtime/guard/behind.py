"""What stands behind guarded connections: uvicorn's protocol and, around the application, what sees its answers."""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from runtime.guard.guard import Connection
from runtime.guard.target import origin_and_host

_KEY = "taptrail.connection"  # in the state of a request
# uvicorn's own limit between two requests does not see those that it is not given: the guard has one.
NEVER_S = 10 * 365 * 86_400


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's, with the host of an absolute target in place of the Host field (RFC 9112 3.2.2)."""

    def on_headers_complete(self) -> None:
        if not self.url.startswith(b"/"):
            self.url, host = origin_and_host(self.url)
            if host is not None:
                self.headers[:] = [field for field in self.headers if field[0] != b"host"]  # the scope has this list
                self.headers.append((b"host", host))
        super().on_headers_complete()


class Behind:
    """uvicorn, for one connection."""

    __slots__ = ("_app_state", "_config", "_loop", "_server_state")

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._config = config
        self._server_state = server_state
        self._app_state = app_state
        self._loop = loop

    def stops_with(self, connection: Connection) -> None:
        """A stop of the server shuts this connection down and waits until it is gone."""
        self._server_state.connections.add(connection)  # type: ignore[arg-type]

    def gone(self, connection: Connection) -> None:
        self._server_state.connections.discard(connection)

    def protocol(self, connection: Connection, transport: asyncio.Transport) -> HttpProtocol:
        """uvicorn's protocol on this transport; a stop of the server does not see it."""
        state = {**self._app_state, _KEY: connection}
        protocol = HttpProtocol(self._config, self._server_state, state, self._loop)
        protocol.connection_made(transport)
        self._server_state.connections.discard(protocol)
        return protocol


def told_of_answers(app: ASGIApp) -> ASGIApp:
    """The application; its answers close the connection where that ends with them, and the connection hears of each."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        connection: Connection = scope["state"].pop(_KEY)

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "http.response.start" and connection.is_last:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                connection.answered()

        await app(scope, receive, send_and_tell)

    return guarded
