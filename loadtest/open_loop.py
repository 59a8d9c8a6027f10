"""Latency at a constant arrival rate: requests leave when they are due, whether or not earlier ones were answered.

Each latency counts from the moment the request was due, so a stall is paid by everybody who would have come during
it (no coordinated omission). Runs in a process of its own, pinned to a core of its own, and never sleeps.

    python -m loadtest.open_loop --rate 5000 --count 40000 --codes FILE --heads FILE
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import cast

import uvloop

from loadtest.peers import HOST, PORT

CONNECTIONS = 256
WARM_UP = 0.1  # the share of the requests that is not judged
PATIENCE_S = 10.0  # a server that is too slow for the rate is not waited for longer
STEP = 7919


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--count", type=int, required=True, help="requests in all")
    parser.add_argument("--codes", type=Path, required=True)
    parser.add_argument("--heads", type=Path, required=True)
    parser.add_argument("--start", type=int, default=0, help="index of the first code")
    options = parser.parse_args()
    codes, heads = options.codes.read_text().split(), options.heads.read_text().splitlines()
    requests = [
        _request(codes[(options.start + no * STEP) % len(codes)], heads[no % len(heads)]) for no in range(options.count)
    ]
    arrivals = Arrivals(requests, options.rate)
    uvloop.run(arrivals.run())
    print(json.dumps(arrivals.summary()))
    return 0


def _request(code: str, head: str) -> bytes:
    return f"GET /{code} HTTP/1.1\r\nHost: {HOST}\r\n{head.replace('|', chr(13) + chr(10))}\r\n\r\n".encode()


class Arrivals:
    """Sends request i at start + i / rate over whichever connection is free; without one it queues, and time runs."""

    def __init__(self, requests: list[bytes], rate: float, port: int = PORT) -> None:
        self._requests = requests
        self._rate, self._port = rate, port
        self._free: list[_Connection] = []
        self._queued: deque[int] = deque()
        self._next = 0
        self._start = 0.0
        self.latencies_s: list[float] = []
        self.late_s: list[float] = []  # how late the generator itself was, with a connection free
        self.wrong = 0
        self.took_s = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
            self._free.append(connection)
        self._start = time.perf_counter()
        give_up = len(self._requests) / self._rate + PATIENCE_S
        while len(self.latencies_s) < len(self._requests) and time.perf_counter() - self._start < give_up:
            self._send_due()
            await asyncio.sleep(0)
        self.took_s = time.perf_counter() - self._start

    def _send_due(self) -> None:
        now = time.perf_counter() - self._start
        due = min(int(now * self._rate), len(self._requests))
        for no in range(self._next, due):
            if self._free:
                self.late_s.append(now - no / self._rate)
                self._send(self._free.pop(), no)
            else:
                self._queued.append(no)
        self._next = due

    def _send(self, connection: "_Connection", no: int) -> None:
        connection.due_at = self._start + no / self._rate
        connection.send(self._requests[no])

    def answered(self, connection: "_Connection", answer: bytes) -> None:
        self.latencies_s.append(time.perf_counter() - connection.due_at)
        self.wrong += not answer.startswith(b"HTTP/1.1 302")
        if self._queued:
            self._send(connection, self._queued.popleft())
        else:
            self._free.append(connection)

    def summary(self) -> dict[str, float | int]:
        """Times in milliseconds, of what was due behind the warm-up; without an answer it took for ever."""
        warm = int(len(self._requests) * WARM_UP)
        unanswered = len(self._requests) - len(self.latencies_s)
        found = sorted(self.latencies_s[warm:]) + [float("inf")] * unanswered
        late = sorted(self.late_s[warm:]) or [0.0]  # no connection was ever free: the server was what waited
        return {
            "p50_ms": _at(found, 0.5), "p99_ms": _at(found, 0.99), "p999_ms": _at(found, 0.999), "max_ms": _at(found, 1),
            "generator_late_p99_ms": _at(late, 0.99), "sent": len(self._requests),
            "answered": len(self.latencies_s), "wrong": self.wrong, "answered_per_s": round(len(self.latencies_s) / self.took_s, 1),
        }  # fmt: skip


def _at(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3, 3)


class _Connection(asyncio.Protocol):
    due_at = 0.0

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._received = b""
        self._arrivals.answered(self, head)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length: ")
    return int(rest.partition(b"\r")[0]) if found else 0


if __name__ == "__main__":
    sys.exit(main())
