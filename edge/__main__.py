"""One edge process: serves until a signal, then ships what it has."""

import asyncio
import logging
import socket
import sys

from edge.app import edge_app
from edge.metrics import ClickCollector, LookupCollector, TapCollector
from edge.overload import TurnedAway
from edge.parts import EdgeParts
from edge.recorder import MAX_UNSPOOLED_BYTES
from edge.settings import Settings
from edge.spool import SEGMENT_BYTES
from records.keys import lane_name
from runtime.admission import until_admitted
from runtime.code_key import check_code_key, check_code_key_in_time
from runtime.guard.budget import OF_PROCESS
from runtime.guard.guard import Guard, Shortcut, most_connections
from runtime.metrics import registry_of
from runtime.process import run
from runtime.serve import (
    HttpServer,
    Readiness,
    answering,
    inherited_as_set,
    listen_as_set,
    ops_routes,
    stop_signal,
    waiting,
)

FIRST_CONNECT_S = 0.5
MAX_BODY_BYTES = 64 * 1024  # nobody reads them

log = logging.getLogger(__name__)


async def serve(
    settings: Settings, *, segment_bytes: int = SEGMENT_BYTES, max_unspooled_bytes: int = MAX_UNSPOOLED_BYTES
) -> None:
    """Serve taps until SIGTERM or SIGINT; raises SettingsError when a port cannot be had, OSError for the spool.

    A SettingsError, at the start or when ClickHouse comes back, also for a code key that made none of the links.
    """
    await check_code_key_in_time(settings.clickhouse_url, settings.code_key)
    public = _listener(settings)
    ops = listen_as_set(settings.ops_host, settings.ops_port, "OPS_PORT")
    parts = EdgeParts(settings, segment_bytes=segment_bytes, max_unspooled_bytes=max_unspooled_bytes)
    OF_PROCESS.allow(settings.held_mib)
    readiness = Readiness(parts.troubles)
    server, ops_server = _servers(settings, parts, readiness, public, ops)

    async with parts.clickhouse, asyncio.TaskGroup() as running:
        background = [
            running.create_task(work)
            for work in (
                parts.lookups_wire.keep_connected(),
                parts.clicks_wire.keep_connected(),
                parts.lanes.run(),
                parts.names.keep_read(),
                check_code_key(settings.clickhouse_url, settings.code_key),
            )
        ]
        serving_ops = running.create_task(ops_server.run_until_stopped())
        # Taps that wait already would be ClickHouse's alone, and nobody's while that is away. Without Redis it serves.
        await parts.lookups_wire.wait_connected(longest_s=FIRST_CONNECT_S)
        serving = running.create_task(server.run_until_stopped())
        admitting = running.create_task(_admit(parts, readiness))
        port, lane = public.getsockname()[1], lane_name(parts.spool.lane)
        log.info("serving: the edge takes taps", extra={"port": port, "lane": lane})
        name = await stop_signal()
        admitting.cancel()
        readiness.ready = False
        log.info("stopping: draining", extra={"signal": name})
        server.stop()
        await serving
        await parts.lanes.drain(settings.drain_s)
        ops_server.stop()
        await serving_ops
        for task in background:
            task.cancel()


def _servers(
    settings: Settings, parts: EdgeParts, readiness: Readiness, public: socket.socket, ops: socket.socket
) -> tuple[HttpServer, HttpServer]:
    """That of the taps, and that of the engineers."""
    guard = Guard(
        most_connections(),
        shortcut=_fast_path(parts) if settings.fast_path == "on" else None,
        turned_away=TurnedAway(parts.tap_stats),
        max_body_bytes=MAX_BODY_BYTES,
    )
    registry = registry_of(
        "edge",
        TapCollector(parts.tap_stats, guard, lambda: waiting(public)),
        LookupCollector(parts.lookup_stats, parts.blocks, parts.lookups_wire, parts.loader),
        ClickCollector(parts.recorder, parts.lanes.shippers, settings.spool_dir),
    )
    app = edge_app(parts.redirector, parts.walker, parts.visit_from, parts.prove)
    ops_app = answering([*ops_routes(registry, readiness), *parts.names.routes()])
    return HttpServer(app, public, guard=guard), HttpServer(ops_app, ops, grace_s=1)


async def _admit(parts: EdgeParts, readiness: Readiness) -> None:
    """Taps are served meanwhile: what Redis knows needs no ClickHouse, and the other way round."""
    await until_admitted(parts.admission_looks(), readiness)
    log.info("ready: no store refuses the edge")


def _fast_path(parts: EdgeParts) -> Shortcut:
    from edge.fast.shortcut import TapShortcut  # noqa: PLC0415 - where it is off, the edge does without the folder

    return TapShortcut(parts.redirector, parts.visit_from)


def _listener(settings: Settings) -> socket.socket:
    if settings.listen_fd:
        return inherited_as_set(settings.listen_fd)
    return listen_as_set(settings.host, settings.port, "PORT", shared=True)


def main() -> int:
    return run("edge", Settings, serve)


if __name__ == "__main__":
    sys.exit(main())
