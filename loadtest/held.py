"""What strangers make an edge and control hold: resident MB before and after each attack.

    python -m loadtest.held

Starts `taptrail up` on empty stores. SECURITY.md has the figures, tests/edge/test_held.py and tests/runtime/guard the bounds.
"""

import contextlib
import http.client
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from stack.demo import DOMAIN, start_stack, stop_stack

START = b"GET /x HTTP/1.1\r\nHost: x\r\n"
MANY_FIELDS = START + b"".join(b"x%d: y\r\n" % number for number in range(16_000))
LONG_FIELD = START + b"x: " + b"y" * 60_000
ENDLESS = START + b"x: y\r\n" * 3_300_000  # 20 MB
BAD_LINES = b"x\n" * 2_500_000
SETTLE_S = 1.0


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="taptrail-held-") as name:
        stack, ready = start_stack(Path(name))
        try:
            edge, control = (psutil.Process(pid) for pid in (ready["pids"]["edge"][0], ready["pids"]["control"]))
            send("edge: 300 connections with 16,000 header fields", edge, ready["edge"], MANY_FIELDS, 300)
            send("edge: 2,000 connections with 60 kB of a header field", edge, ready["edge"], LONG_FIELD, 2_000)
            send("edge's ops port: 20 MB of header fields", edge, ready["ops"]["edge"][0], ENDLESS, 1)
            send("control: 300 connections with 16,000 header fields", control, ready["control"], MANY_FIELDS, 300)
            send("control's ops port: 20 MB of header fields", control, ready["ops"]["control"], ENDLESS, 1)
            with peak("control: 2,500,000 bad lines", control):
                mint_bad_lines(ready)
        finally:
            stop_stack(stack)
    return 0


def send(what: str, process: psutil.Process, url: str, data: bytes, connections: int) -> None:
    """Send the same on so many connections, and leave them open."""
    with peak(what, process), contextlib.ExitStack() as opened:
        for _ in range(connections):
            with contextlib.suppress(OSError):  # it is let go while we write
                address = ("127.0.0.1", port_of(url))
                opened.enter_context(socket.create_connection(address, timeout=10)).sendall(data)
        time.sleep(SETTLE_S)


def mint_bad_lines(ready: dict[str, Any]) -> None:
    call(ready, "PUT", f"/v1/domains/{DOMAIN}", b"{}")
    body = b'{"short_domain":"%b","destinations":["https://shop.acme.example/"]}' % DOMAIN.encode()
    call(ready, "PUT", "/v1/broadcasts/held", body)
    call(ready, "POST", "/v1/broadcasts/held/links?skip_bad=true", BAD_LINES, "application/x-ndjson")


def call(ready: dict[str, Any], method: str, path: str, body: bytes, kind: str = "application/json") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(ready["control"]), timeout=300)
    headers = {"Authorization": f"Bearer {ready['api_key']}", "Content-Type": kind}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (200, 201):
        sys.exit(f"{method} {path} answered {answer.status}")
    connection.close()


@contextlib.contextmanager
def peak(what: str, process: psutil.Process) -> Iterator[None]:
    """Print the resident memory before, and the most of it meanwhile."""
    seen = [megabytes(process)]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen.append(megabytes(process))

    watching = threading.Thread(target=watch)
    watching.start()
    yield
    over.set()
    watching.join()
    print(f"{what}: {seen[0]:.0f} -> {max(seen):.0f} MB", flush=True)


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


if __name__ == "__main__":
    sys.exit(main())
