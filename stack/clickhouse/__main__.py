"""python -m stack.clickhouse: the engine's process. Passwords come by environment, where `ps` does not show them."""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import click
from aiohttp import web

from runtime.logs import start_logging
from runtime.serve import stop_signal
from stack.clickhouse.engine import Engine
from stack.clickhouse.errors import ClickHouseError
from stack.clickhouse.server import Server
from stack.clickhouse.users import ANALYST, WRITER, User

_DRAIN_S = 15.0


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="directory of the data; created if absent")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=8123, show_default=True)
@click.option("--max-memory-bytes", type=int, default=4 << 30, show_default=True)
@click.option("--max-body-bytes", type=int, default=512 << 20, show_default=True)
def main(data: Path, host: str, port: int, max_memory_bytes: int, max_body_bytes: int) -> None:
    """Serve a data directory over ClickHouse's HTTP protocol.

    TAPTRAIL_CLICKHOUSE_WRITER and TAPTRAIL_CLICKHOUSE_ANALYST name the two users, as user:password.
    """
    start_logging("clickhouse", os.environ.get("TAPTRAIL_LOG_LEVEL", "info"))
    logging.getLogger("aiohttp.server").setLevel(
        "CRITICAL"
    )  # a traceback for whatever is not HTTP; ours are logged here
    users = [_user("TAPTRAIL_CLICKHOUSE_WRITER", WRITER), _user("TAPTRAIL_CLICKHOUSE_ANALYST", ANALYST)]
    serve(data, users, host, port, max_memory_bytes=max_memory_bytes, max_body_bytes=max_body_bytes)


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


def _user(variable: str, role: str) -> User:
    name, colon, password = os.environ.get(variable, "").partition(":")
    if not (name and colon and password):
        sys.exit(f"{variable} is not set as it must be; expected user:password")
    return User(name, password, role)


async def _serve(server: Server, host: str, port: int) -> None:
    runner = web.AppRunner(
        server.app(),
        handle_signals=False,
        access_log=None,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=1 << 20,
        max_field_size=1 << 20,
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


if __name__ == "__main__":
    main()
