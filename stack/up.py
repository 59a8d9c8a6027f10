"""`taptrail up`: the whole system on one machine, in the foreground.

Stdout carries lines of JSON for programs: one when everything is ready, one for every child started again.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aggregator.migrate import migrate
from records.keys import LANES, click_stream
from records.lane_registry import lanes_in
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.logs import start_logging
from runtime.serve import listen
from stack import children
from stack.children import ANALYST_NAME, WRITER_NAME, Places
from stack.credentials import Credentials, DamagedCredentials, credentials_in, tighten, write_private
from stack.ports import HOST, PortTaken, ports_for
from stack.supervisor import Child, Kept, StartFailed

log = logging.getLogger(__name__)

_START_S = 60.0
_STREAMS_DRAIN_S = 15.0


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=Path(".taptrail"), show_default=True,
              help="Directory of everything that lasts.")  # fmt: skip
@click.option(
    "--edge-port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 for any, as below."
)
@click.option("--control-port", type=click.IntRange(0, 65535), default=8081, show_default=True)
@click.option("--clickhouse-port", type=click.IntRange(0, 65535), default=8123, show_default=True)
@click.option("--redis-port", type=click.IntRange(0, 65535), default=6390, show_default=True)
@click.option("--ops-port", type=click.IntRange(0, 65535), default=9100, show_default=True,
              help="First of the ops ports: edge workers, aggregator, control.")  # fmt: skip
@click.option("--host", default=HOST, show_default=True,
              help="Where edge and control listen; all else stays on 127.0.0.1.")  # fmt: skip
@click.option("--edge-workers", type=click.IntRange(1, 64), default=1, show_default=True)
def up(
    *, data: Path, edge_port: int, control_port: int, clickhouse_port: int, redis_port: int, ops_port: int,
    host: str, edge_workers: int,
) -> None:  # fmt: skip
    """Run the whole system here, with its own Valkey and ClickHouse, until Ctrl-C."""
    level = os.environ.get("TAPTRAIL_LOG_LEVEL") or "info"
    try:
        start_logging("up", level)
    except ValueError as error:
        raise click.ClickException(f"TAPTRAIL_LOG_LEVEL={level}; expected debug, info, warning or error") from error
    os.umask(0o077)
    data = data.absolute()
    wanted = [
        ("--edge-port", edge_port),
        ("--control-port", control_port),
        ("--clickhouse-port", clickhouse_port),
        ("--redis-port", redis_port),
        *(("--ops-port", ops_port + number if ops_port else 0) for number in range(edge_workers + 2)),
    ]
    try:
        with held(data):
            tighten(data)
            places = _places(data, host, ports_for(wanted))
            sys.exit(asyncio.run(System(places, credentials_in(data)).run()))
    except (PortTaken, DirectoryTaken, DamagedCredentials, OSError) as error:
        raise click.ClickException(str(error)) from error


class DirectoryTaken(Exception):
    """One line: the directory, and who has it."""


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold a data directory against every other `up`; raises DirectoryTaken."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise DirectoryTaken(
                f"{data} is in use by another `taptrail up` (process {holder}); stop it, or choose another --data"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _places(data: Path, host: str, ports: list[int]) -> Places:
    edge, control, clickhouse, redis, *ops = ports
    return Places(data, host, edge, control, clickhouse, redis, ops[:-2], ops[-2], ops[-1])


class System:
    """One run of everything."""

    def __init__(self, places: Places, credentials: Credentials) -> None:
        self._places, self._credentials = places, credentials
        self._redis_url = places.redis_url(credentials.redis_password)
        self._writer_url = places.clickhouse_url(WRITER_NAME, credentials.writer_password)
        self._clickhouse = self._kept(children.clickhouse(places, credentials))
        self._valkey = self._kept(children.valkey(places, credentials))
        self._taps = listen(places.host, places.edge)  # by all edges, for as long as this process lives
        self._edges = [
            self._kept(children.edge(places, credentials, worker, self._taps)) for worker in range(len(places.edge_ops))
        ]
        self._aggregator = self._kept(children.aggregator(places, credentials))
        self._control = self._kept(children.control(places, credentials))
        self._all = [*self._edges, self._aggregator, self._control, self._valkey, self._clickhouse]
        self._is_ready = False
        self._running_file = places.data / "running.json"

    def _kept(self, child: Child) -> Kept:
        return Kept(child, self._restarted)

    async def run(self) -> int:
        """Start, run until a signal, stop; gives the exit status."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, stopping)
        starting = asyncio.create_task(self._start())
        waiting = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await waiting
            return 0
        except (StartFailed, ClickHouseRefused, ClickHouseUnreachable) as error:
            log.error("start_failed: cannot start", extra={"why": str(error)})
            return 1
        finally:
            starting.cancel()
            await asyncio.wait({starting})
            await self._stop()

    def _signalled(self, stopping: asyncio.Event) -> None:
        """The first signal stops in order; the next one immediately."""
        if stopping.is_set():
            for one in self._all:
                one.kill()
        stopping.set()

    async def _start(self) -> None:
        for name in children.ignored(os.environ):
            log.warning("setting_ignored: the options of `up` set this", extra={"variable": name})
        await _all_started([self._clickhouse, self._valkey])
        clickhouse = ClickHouse(self._writer_url)
        try:
            await migrate(clickhouse)
        finally:
            await clickhouse.close()
        await _all_started([*self._edges, self._aggregator, self._control])
        self._is_ready = True
        line = self._ready_line()
        self._say(line)
        log.info("ready: everything runs", extra={"edge": line["edge"], "pages": line["control"]})

    async def _stop(self) -> None:
        """No tap is lost on the way: edges ship what they have, the aggregator empties the streams, stores go last."""
        log.info("stopping: stopping everything in order")
        self._running_file.unlink(missing_ok=True)
        self._taps.close()
        await asyncio.gather(*(edge.stop() for edge in self._edges))
        if self._aggregator.is_running:
            await self._streams_drained()
        for one in (self._aggregator, self._control, self._valkey, self._clickhouse):
            await one.stop()
        log.info("stopped: everything has ended")

    async def _streams_drained(self) -> None:
        redis = Redis.from_url(self._redis_url)
        try:
            async with asyncio.timeout(_STREAMS_DRAIN_S):
                while self._aggregator.is_running and await _entries_waiting(redis):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except (TimeoutError, RedisError) as error:
            log.warning("clicks_left_in_streams: the next start continues with them", extra={"why": repr(error)})
        finally:
            await redis.aclose()

    def _restarted(self, kept: Kept) -> None:
        if self._is_ready:
            self._say({"event": "restarted", "name": kept.child.name, "pid": kept.pid})

    def _say(self, line: dict[str, Any]) -> None:
        write_private(self._running_file, json.dumps(self._ready_line()).encode())
        click.echo(json.dumps(line))

    def _ready_line(self) -> dict[str, Any]:
        places = self._places
        return {
            "event": "ready",
            "edge": f"http://{HOST}:{places.edge}",
            "control": f"http://{HOST}:{places.control}",
            "clickhouse": self._writer_url,
            "clickhouse_analyst": places.clickhouse_url(ANALYST_NAME, self._credentials.analyst_password),
            "redis": self._redis_url,
            "ops": {
                "edge": [f"http://{HOST}:{port}" for port in places.edge_ops],
                "aggregator": f"http://{HOST}:{places.aggregator_ops}",
                "control": f"http://{HOST}:{places.control_ops}",
            },
            "api_key": self._credentials.api_key,
            "pids": {
                "edge": [edge.pid for edge in self._edges],
                "aggregator": self._aggregator.pid,
                "control": self._control.pid,
                "clickhouse": self._clickhouse.pid,
                "redis": self._valkey.pid,
            },
        }


async def _all_started(kept: list[Kept]) -> None:
    try:
        async with asyncio.TaskGroup() as starting:
            for one in kept:
                starting.create_task(one.start(_START_S))
    except* StartFailed as failed:
        raise failed.exceptions[0] from None


async def _entries_waiting(redis: Redis) -> int:
    lanes = lanes_in(await redis.hkeys(LANES))
    return sum([await redis.xlen(click_stream(lane)) for lane in lanes])


if __name__ == "__main__":
    up()
