"""Serves a data directory until a signal."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from aiohttp import web

from runtime.serve import stop_signal
from stack.clickhouse.engine import Engine
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.server import Server
from stack.clickhouse.users import User

_DRAIN_S = 15.0
_MAX_FIELD_BYTES = 8 << 10  # of 128 that aiohttp takes before any password is looked at


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
    runner = web.AppRunner(
        server.app(),
        handle_signals=False,
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=1 << 20,  # a statement may come as a parameter
        max_field_size=_MAX_FIELD_BYTES,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    # Alone on its port: with SO_REUSEPORT a second server would take half of the requests.
    site = web.TCPSite(runner, host, port, reuse_port=False)
    await site.start()
    await stop_signal()
    await site.stop()
    await server.processes.drain(_DRAIN_S)
    await runner.cleanup()
    await server.processes.drain(_DRAIN_S)  # what came on open connections meanwhile
