"""Edges on one socket beside a Valkey of any size, and the CPU time a tap costs them."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import psutil
import redis

from loadtest.bench import consumed, recorded_heads
from loadtest.cpu_time import cpu_s
from loadtest.open_loop import STEP
from loadtest.peers import CODE_KEY, PORT, Taptrail
from records.code import CodeCipher
from runtime.serve import listen
from stack.valkey import valkey_command
from tests.support.eventually import wait_until
from tests.support.processes import free_port, running

MOST_CODES = 1_000_000  # to be tapped


class Cost(msgspec.Struct, frozen=True):
    """CPU microseconds a tap."""

    edges: float
    valkey: float

    @property
    def both(self) -> float:
        return self.edges + self.valkey


class Start(msgspec.Struct, frozen=True):
    wall_s: float
    cpu_s: float


class System(Taptrail):
    """A Valkey with its links for as long as this lives; edges, on any core, for as long as wanted."""

    def __init__(self, folder: Path, links: int) -> None:
        super().__init__(folder / str(links), links)
        self._kept = ExitStack()
        self._codes, self._heads = self.folder / "codes", self.folder / "heads"
        self._edges: list[psutil.Process] = []
        self._ops_ports: list[int] = []

    def start_redis(self) -> None:
        self._redis_port = free_port()
        command = valkey_command(self.folder / "redis", self._redis_port, max_memory_bytes=8 << 30)
        log = self.folder / "valkey.log"
        self._valkey = psutil.Process(self._kept.enter_context(running(command, self._redis_port, log)))
        self.redis = redis.Redis(port=self._redis_port)
        self.redis.config_set("auto-aof-rewrite-percentage", 0)  # its own time, not that of taps
        self.empty_bytes = self.used_bytes()
        self.redis.config_set("appendfsync", "no")  # while links are put in
        self.seed()
        self.redis.config_set("appendfsync", "everysec")
        cipher = CodeCipher(CODE_KEY)
        chosen = random.Random(1).sample(range(self.links), min(self.links, MOST_CODES))
        self._codes.write_text("\n".join(cipher.seal(link_id) for link_id in chosen))
        self._heads.write_text(recorded_heads())

    def used_bytes(self) -> int:
        return int(self.redis.info("memory")["used_memory"])

    @contextmanager
    def edges(self, workers: int) -> Iterator[Start]:
        """They share one listening socket, as under `taptrail up`, and are ready."""
        self.redis.delete(*self.redis.keys("tt:clicks:*"), "tt:lanes", "tt:watermarks")
        self._seen = 0
        with listen("127.0.0.1", PORT) as listener, ExitStack() as running_edges:
            self._ops_ports = [free_port() for _ in range(workers)]
            started = time.perf_counter()
            for port in self._ops_ports:
                running_edges.enter_context(self._edge(port, listener.fileno()))
            wait_until(lambda: all(_ready(port) for port in self._ops_ports))
            yield Start(time.perf_counter() - started, self._cpu_of_edges_s())
        self._edges.clear()

    @contextmanager
    def _edge(self, ops_port: int, descriptor: int) -> Iterator[None]:
        environ = {
            "TAPTRAIL_CODE_KEY": CODE_KEY.hex(), "TAPTRAIL_REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "TAPTRAIL_CLICKHOUSE_URL": "http://x:x@127.0.0.1:1", "TAPTRAIL_SPOOL_DIR": str(self.folder / "spool"),
            "TAPTRAIL_LISTEN_FD": str(descriptor), "TAPTRAIL_OPS_PORT": str(ops_port), "TAPTRAIL_DRAIN_S": "0",
        }  # fmt: skip
        with (self.folder / "edge.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "edge"], env=os.environ | environ, stdout=log, stderr=log, pass_fds=[descriptor]
            )
        self._edges.append(psutil.Process(process.pid))
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def cost(self, taps: int, rate: float, warm_up: int, workers: int = 1) -> Cost:
        """Of taps on new edges, behind the first ones."""
        with self.edges(workers):
            self.tapped(warm_up, rate)
            self.recorded()
            before = self._cpu_of_edges_s(), cpu_s(self._valkey.pid)
            answered = self.tapped(taps, rate, warm_up)
            self.recorded()  # all of them are in the stream
            after = self._cpu_of_edges_s(), cpu_s(self._valkey.pid)
        edges, valkey = (1e6 * (late - early) / answered for early, late in zip(before, after, strict=True))
        return Cost(edges, valkey)

    def tapped(self, taps: int, rate: float, first: int = 0) -> int:
        """How many were answered; first: how many of the links were tapped before."""
        command = [sys.executable, "-m", "loadtest.open_loop", "--rate", str(rate), "--count", str(taps),
                   "--codes", str(self._codes), "--heads", str(self._heads), "--start", str(first * STEP)]  # fmt: skip
        with consumed(self):
            done = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        if done["wrong"]:
            raise SystemExit(f"{done['wrong']} wrong answers")
        return int(done["answered"])

    def rss_bytes(self) -> int:
        return sum(int(edge.memory_info().rss) for edge in self._edges)

    def stop(self) -> None:
        self._kept.close()

    def _cpu_of_edges_s(self) -> float:
        return cpu_s(*(edge.pid for edge in self._edges))


def _ready(ops_port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{ops_port}/readyz") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
