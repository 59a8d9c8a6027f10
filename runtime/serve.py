"""HTTP servers inside a process that already has its loop: uvicorn without its own signal handling."""

import asyncio
import errno
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from runtime.environment import PREFIX, SettingsError
from runtime.guard.behind import NEVER_S, told_of_answers
from runtime.guard.connection import GuardedConnection
from runtime.guard.guard import Guard
from runtime.security_headers import SecurityHeaders

BACKLOG = 4096
# Of a port for Prometheus and probes.
FEW_OPEN = 256
SMALL_BODY_BYTES = 64 * 1024
_PORT_FAULTS = (errno.EADDRINUSE, errno.EACCES, errno.EPERM)
QUEUE_S = 5.0  # longest wait for the accept queue to run empty at a stop


class HttpServer(uvicorn.Server):
    """run_until_stopped() until stop(); then answers what it has begun and closes, at most grace_s long.

    Without a guard of its own, a port gets that of a small one.
    """

    def __init__(self, app: Any, listener: socket.socket, *, guard: Guard | None = None, grace_s: int = 10) -> None:
        self._guard = guard = guard or Guard(FEW_OPEN, max_body_bytes=SMALL_BODY_BYTES)
        config = uvicorn.Config(
            loop="none", lifespan="off", access_log=False, log_config=None, ws="none", server_header=False,
            date_header=False, proxy_headers=False, backlog=BACKLOG, timeout_graceful_shutdown=grace_s,
            timeout_keep_alive=NEVER_S, app=told_of_answers(app), http=partial(GuardedConnection, guard),  # type: ignore[arg-type]
        )  # fmt: skip
        super().__init__(config)
        self._listener = listener

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process decides when to stop, not its servers

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Closing the last descriptor of a listening socket resets the connections nobody has accepted yet.
        give_up_at = time.monotonic() + QUEUE_S
        while waiting(self._listener) and time.monotonic() < give_up_at:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await super().shutdown(sockets)

    async def run_until_stopped(self) -> None:
        watching = asyncio.create_task(self._guard.watch(lambda: waiting(self._listener)))
        try:
            await self.serve(sockets=[self._listener])
        finally:
            watching.cancel()

    def stop(self) -> None:
        self.should_exit = True


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; shared: with other workers on this machine. Raises OSError naming host and port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def listen_as_set(host: str, port: int, variable: str, *, shared: bool = False) -> socket.socket:
    """The same for a port that a variable says; raises SettingsError naming the variable at fault."""
    try:
        return listen(host, port, shared=shared)
    except OSError as error:
        if error.errno in _PORT_FAULTS:
            expected = "a port that is free here, and that this user may have"
            raise SettingsError(f"{PREFIX}{variable}={port}: {error.strerror}; expected {expected}") from None
        host_variable = variable.replace("PORT", "HOST")
        expected = "an address of this machine, or 0.0.0.0 for every one"
        raise SettingsError(f"{PREFIX}{host_variable}={host}: {error.strerror}; expected {expected}") from None


def inherited_as_set(descriptor: int) -> socket.socket:
    """The socket of TAPTRAIL_LISTEN_FD; raises SettingsError."""
    try:
        return inherited(descriptor)
    except OSError as error:
        expected = "the number of a listening socket that this process inherited"
        raise SettingsError(f"{PREFIX}LISTEN_FD={descriptor}: {error.strerror}; expected {expected}") from None


def inherited(descriptor: int) -> socket.socket:
    """The listening socket that whoever started this process left open for it. Raises OSError."""
    try:
        listener = socket.socket(fileno=descriptor)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise OSError(error.errno, f"descriptor {descriptor} is no listening socket: {error.strerror}") from error
    if not listens:
        raise OSError(errno.EINVAL, f"descriptor {descriptor} is no listening socket")
    listener.setblocking(False)
    return listener


def waiting(listener: socket.socket) -> int:
    """Connections that wait to be accepted; for a listening socket tcpi_unacked of tcp(7) says it."""
    if sys.platform != "linux" or listener.fileno() < 0:  # closed: nothing more is accepted
        return 0
    return int.from_bytes(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)[24:28], sys.byteorder)


class Readiness:
    """What /readyz says. Only the process's own state decides; an outage of a neighbour is `degraded`, not down."""

    def __init__(self, degraded: Callable[[], list[str]] = list) -> None:
        self.ready = False
        self.kept_out: list[str] = []  # what an operator has to correct before it becomes ready (runtime/admission.py)
        self._degraded = degraded  # the neighbours that are away, a line each

    def degraded(self) -> list[str]:
        return [*self.kept_out, *self._degraded()]


def ops_app(registry: CollectorRegistry, readiness: Readiness) -> ASGIApp:
    """The application of a port that is never public."""
    return answering(ops_routes(registry, readiness))


def ops_routes(registry: CollectorRegistry, readiness: Readiness) -> list[Route]:
    """/healthz, /readyz and /metrics."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(request: Request) -> Response:
        body = {"ready": readiness.ready, "degraded": readiness.degraded()}
        return JSONResponse(body, 200 if readiness.ready else 503)

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def answering(routes: list[Route], handlers: Any = None) -> ASGIApp:
    """An application of these routes, whose answers no browser takes for more than they are."""
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False  # it would redirect to the host that the client says
    return SecurityHeaders(app)


async def stop_signal() -> str:
    """Wait for SIGTERM or SIGINT; gives its name."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[str] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, arrived.put_nowait, number.name)
    return await arrived.get()
