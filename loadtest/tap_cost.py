"""Instructions a tap costs the edge, counted by valgrind: the same on a busy machine and on an idle one.

    python -m loadtest.tap_cost [--callgrind FILE] [--metrics] [--tick 1] [--from memory]

Taps of unique personal codes with recorded headers go over real sockets through the edge's own parts and a real
Redis, 32 of them in one event-loop tick (--tick); at half load one or two fall into a tick. Each tap is of another block
of links, which comes from Redis: the long tail, and the first tap of a block; or the blocks are in memory (--from memory).
The yardstick is the same requests to a bare ASGI callable on uvicorn.
Each runs twice in a process of its own under callgrind, with few ticks and with many: the difference is what a tap
costs. The shipper is left out, because what it does depends on the clock. With --metrics: what each group of metrics
costs a tap, as the difference that leaving it out makes; all others are read from what is there when they are asked for.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import uvicorn
import uvloop
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from edge.block_memory import MAX_BLOCK_BYTES, BlockMemory
from edge.clickhouse_loader import ClickHouseLoader
from edge.fast.shortcut import TapShortcut
from edge.lookup_stats import LookupStats
from edge.memory import EdgeMemory
from edge.recorder import Recorder
from edge.redirect import Redirector
from edge.redis_wire import RedisWire
from edge.resolver import Resolver
from edge.scan_limit import ScanLimit
from edge.spool import Spool
from edge.tap import Answered
from edge.tap_stats import TapStats
from edge.visit import visit_reader
from edge.walker import Walker
from loadtest import bare_servers
from loadtest.cpu_burden import burden
from loadtest.peers import CODE_KEY, HOST, REDIS_PORT, Taptrail
from records.address import AddressCipher
from records.code import CodeCipher
from records.keys import BLOCK_SIZE, block_key
from records.networks import Networks
from runtime.clickhouse import ClickHouse
from runtime.guard.guard import Guard
from runtime.histogram import POWERS, Histogram
from runtime.serve import HttpServer, listen

TICK = 32
FEW, MANY = 160, 1760  # taps; whole ticks of any power of two up to TICK
LINKS = MANY * BLOCK_SIZE
TAIL_BYTES = 840_000  # of blocks, where Redis is asked: full of others, and given up four times while taps are counted
METRICS = {  # group -> what keeps it
    "outcomes": "taptrail_redirects_total, taptrail_refusals_total",
    "times": "taptrail_redirect_seconds, taptrail_redirect_stage_seconds",
    "look-ups": "taptrail_lookup_batch_links",
}
VISITS = Path(__file__).parent.parent / "examples" / "visits.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callgrind", default="", help="keep the profile of the taps in this file")
    parser.add_argument("--run", choices=["tap", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--taps", type=int, default=MANY, help=argparse.SUPPRESS)
    parser.add_argument("--tick", type=int, choices=[1, 2, 4, 8, 16, 32], default=TICK, help="taps in a tick")
    parser.add_argument(
        "--from", dest="tier", choices=["redis", "memory"], default="redis", help="what knows the links"
    )
    parser.add_argument("--loops", type=int, default=0, help="idle steps more for each tap (loadtest/cpu_burden.py)")
    parser.add_argument("--metrics", action="store_true", help="what each group of metrics costs a tap")
    parser.add_argument("--without", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    run = Run(options.run or "tap", options.tick, options.tier, options.loops, options.without)
    if options.run:
        burden(options.loops)
        uvloop.run(serve(run, options.taps))
        return 0
    if not shutil.which("valgrind"):
        print("not installed: valgrind; apt-get install valgrind")
        return 2
    if options.metrics:
        print(json.dumps(cost_of_metrics(options.tick)))
        return 0
    tap, bare = measured(run, options.callgrind)
    print(json.dumps({"tap_instructions": tap, "bare_instructions": bare, "ratio": round(tap / bare, 3)}))
    return 0


class Run(NamedTuple):
    """What a measured process serves."""

    kind: str = "tap"  # or "bare"
    tick: int = TICK
    tier: str = "redis"
    loops: int = 0
    without: str = ""

    @property
    def arguments(self) -> list[str]:
        return ["--run", self.kind, "--tick", str(self.tick), "--from", self.tier, "--loops", str(self.loops),
                "--without", self.without]  # fmt: skip


def measured(run: Run, profile: str = "") -> tuple[int, int]:
    """(instructions of a tap, of a request to the bare server)."""
    with tempfile.TemporaryDirectory(prefix="taptrail-cost-") as name:
        neighbour = Taptrail(Path(name), LINKS)
        try:
            neighbour.start_redis()
            return _per_request(run, profile), _per_request(Run("bare", run.tick))
        finally:
            neighbour.stop()


def cost_of_metrics(tick: int) -> dict[str, int]:
    """Instructions of a tap, and of each group of METRICS in it."""
    with tempfile.TemporaryDirectory(prefix="taptrail-cost-") as name:
        neighbour = Taptrail(Path(name), LINKS)
        try:
            neighbour.start_redis()
            tap = _per_request(Run(tick=tick))
            return {"tap": tap, **{group: tap - _per_request(Run(tick=tick, without=group)) for group in METRICS}}
        finally:
            neighbour.stop()


def _per_request(run: Run, profile: str = "") -> int:
    counts = []
    for taps in (FEW, MANY):
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile or os.devnull}",
                   sys.executable, "-m", "loadtest.tap_cost", *run.arguments, "--taps", str(taps)]  # fmt: skip
        environ = os.environ | {"PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode or found is None:
            raise SystemExit(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
        counts.append(int(found[1]))
    return round((counts[1] - counts[0]) / (MANY - FEW))


async def serve(run: Run, taps: int) -> None:
    """Serve so many requests, and check the answers."""
    listener = listen("127.0.0.1", 0)
    with tempfile.TemporaryDirectory(prefix="taptrail-cost-") as name:
        guard = await _edge(Path(name), run) if run.kind == "tap" else None
        serving = (
            _BareServer.on(listener) if guard is None else HttpServer(_app, listener, guard=guard).run_until_stopped()
        )
        _kept.append(asyncio.create_task(serving))
        clients = [socket.create_connection(listener.getsockname()) for _ in range(run.tick)]
        step = 1 if run.tier == "memory" else BLOCK_SIZE
        requests = _requests(MANY, step)[:taps]  # as many sealed in both runs: the difference is without it
        for start in range(0, taps, run.tick):
            for client, request in zip(clients, requests[start : start + run.tick], strict=True):
                client.sendall(request)
            for client in reversed(clients):  # the last one's answer is there: so are the others'
                answer = await _received(client)
                assert answer.startswith(b"HTTP/1.1 302"), answer
        shutil.rmtree(name)
        os._exit(0)  # what a stop costs is not asked


_app = ProxyHeadersMiddleware(bare_servers.app)  # type: ignore[arg-type]  # as uvicorn comes


class _BareServer(uvicorn.Server):
    """uvicorn alone, without a guard."""

    @classmethod
    async def on(cls, listener: socket.socket) -> None:
        config = uvicorn.Config(
            _app, loop="none", http="httptools", lifespan="off", access_log=False, log_config=None, ws="none",
            server_header=False, date_header=False, proxy_headers=False,
        )  # fmt: skip
        await cls(config).serve(sockets=[listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536, socket.MSG_DONTWAIT)
    except BlockingIOError:
        client.setblocking(False)
        answer = await asyncio.get_running_loop().sock_recv(client, 65536)
        client.setblocking(True)
        return answer


async def _edge(folder: Path, run: Run) -> Guard:
    """The parts of edge/parts.py that a tap goes through."""
    now = asyncio.get_running_loop().time
    memory = EdgeMemory(now, MAX_BLOCK_BYTES if run.tier == "memory" else TAIL_BYTES)
    wire = RedisWire(f"redis://127.0.0.1:{REDIS_PORT}/0", timeout_s=60, listener=memory)
    _kept.append(asyncio.create_task(wire.keep_connected()))
    await wire.wait_connected(60)
    scans = ScanLimit(per_minute=300)
    stats = LookupStats()
    loader = ClickHouseLoader(ClickHouse("http://x:x@127.0.0.1:1", timeout_s=3), stats)
    resolver = Resolver(memory, wire, CodeCipher(CODE_KEY), stats)
    walker = Walker(memory, wire, loader, CodeCipher(CODE_KEY), scans, stats)
    await _fill(memory.blocks, run.tier, wire)
    recorder = Recorder(Spool.create(folder, secrets.randbits(64)), AddressCipher(CODE_KEY), "edge-1")
    tap_stats = _Uncounted() if run.without == "outcomes" else _Untimed() if run.without == "times" else TapStats()
    if run.without == "look-ups":
        stats.batch_links = _Unobserved(POWERS)
    redirector = Redirector(resolver, walker, recorder, tap_stats, scans)
    return Guard(1024, shortcut=TapShortcut(redirector, visit_reader(Networks())))


async def _fill(blocks: BlockMemory, tier: str, wire: RedisWire) -> None:
    """With the blocks of the taps, or with as many others as there is room for."""
    if tier == "memory":
        for number in range(-(-MANY // BLOCK_SIZE)):
            blocks.keep(number, await wire.call("GET", block_key(number)))
    else:
        block = await wire.call("GET", block_key(0))
        number = MANY
        while not blocks.evicted:
            blocks.keep(number, bytes(bytearray(block)))  # bytes of its own
            number += 1


class _Uncounted(TapStats):
    def add_outcomes(self, answered: Sequence[Answered]) -> None:
        pass


class _Untimed(TapStats):
    def add_times(self, taps: int, moments: Sequence[float]) -> None:
        pass


class _Unobserved(Histogram):
    def observe(self, value: float, times: int = 1) -> None:
        pass


_kept: list[asyncio.Task[None]] = []


def _requests(count: int, step: int) -> list[bytes]:
    cipher = CodeCipher(CODE_KEY)
    visits = [visit for visit in json.loads(VISITS.read_text()) if visit["expected_class"] == "human"]
    heads = ["".join(f"{name}: {value}\r\n" for name, value in visit["headers"]) for visit in visits]
    return [
        f"GET /{cipher.seal(no * step)} HTTP/1.1\r\nHost: {HOST}\r\n{heads[no % len(heads)]}\r\n".encode()
        for no in range(count)
    ]


if __name__ == "__main__":
    sys.exit(main())
