"""Serves a data directory until a signal."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import cast

from aiohttp import web

from runtime.guard.guard import Guard
from runtime.serve import BACKLOG, FEW_OPEN, listen, stop_signal, waiting
from stack.clickhouse.connections import LIMITS, Connections
from stack.clickhouse.engine import Engine
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.server import Server
from stack.clickhouse.users import User

_DRAIN_S = 15.0


def serve(
    data: Path, users: list[User], host: str, port: int, *, max_memory_bytes: int, max_body_bytes: int,
    roles: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Serve until SIGTERM. roles: those of users who are neither writer nor analyst, with what each is granted."""
    try:
        engine = Engine(data.absolute(), max_memory_bytes, roles)
    except ClickHouseError as error:
        sys.exit(f"{data.absolute()} cannot be opened, another process may hold it: {error}")
    folder = data.absolute() / "bodies"
    folder.mkdir(exist_ok=True)
    try:
        asyncio.run(_serve(Server(engine, users, folder, max_body_bytes), host, port))
    except OSError as error:
        sys.exit(str(error))
    finally:
        engine.close()


async def _serve(server: Server, host: str, port: int) -> None:
    guard = Guard(FEW_OPEN)
    connections = Connections(guard)
    app = server.app()
    app.middlewares.append(connections.watched)
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        shutdown_timeout=1.0,
        **LIMITS,
    )
    await runner.setup()
    server_of_app = cast(web.Server, runner.server)  # it is there after setup()
    # Alone on its port: with SO_REUSEPORT a second server would take half of the requests.
    listener = listen(host, port)
    serving = await asyncio.get_running_loop().create_server(
        lambda: connections.protocol(server_of_app), sock=listener, backlog=BACKLOG
    )
    watching = asyncio.create_task(guard.watch(lambda: waiting(listener)))
    await stop_signal()
    serving.close()
    await server.processes.drain(_DRAIN_S)
    await runner.cleanup()
    await server.processes.drain(_DRAIN_S)  # what came on open connections meanwhile
    watching.cancel()
