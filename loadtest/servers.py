"""What a server costs by itself: each answers a constant redirect, looks nothing up and records nothing.

    python -m loadtest.servers [--rounds 3] [--seconds 5]

The numbers of docs/decisions/0001. Placed and loaded as in `loadtest.bench`.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from loadtest.bench import GENERATOR_CORE, Bench
from loadtest.peers import PORT, Bare, Contestant

ANSWER = b"HTTP/1.1 302 Found\r\nlocation: https://shop.acme.example/spring\r\ncontent-length: 0\r\n\r\n"
LINKS = 10_000


class Granian(Bare):
    interface, threads = "asginl", "st"

    def serve(self) -> None:
        self._granian(
            f"loadtest.bare_servers:{'rsgi' if self.interface == 'rsgi' else 'app'}",
            self.interface,
            "--runtime-mode",
            self.threads,
        )


class GranianAsgi(Granian):
    name = "granian, ASGI callable, one thread"


class GranianAsgiThreads(Granian):
    name = "granian, ASGI callable, runtime mode mt"
    threads = "mt"


class GranianRsgi(Granian):
    name = "granian, RSGI callable, one thread"
    interface = "rsgi"


class InProtocol(Contestant):
    name = "uvicorn, answered in its protocol"
    records = False

    def serve(self) -> None:
        self._spawn([sys.executable, "-m", "loadtest.servers", "--serve"])

    def seed(self) -> None: ...


SERVERS: tuple[type[Contestant], ...] = (Bare, GranianAsgi, GranianAsgiThreads, GranianRsgi, InProtocol)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        _serve_in_protocol()
        return 0
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    with tempfile.TemporaryDirectory(prefix="taptrail-servers-") as name:
        bench = Bench(Path(name), LINKS)
        found = [bench.throughput(server, no, options.seconds) for no in range(options.rounds) for server in SERVERS]
    rates = {server.name: [row.rate for row in found if row.name == server.name] for server in SERVERS}
    busy = {
        server.name: statistics.median(row.generator_busy for row in found if row.name == server.name)
        for server in SERVERS
    }
    print("| server | requests/s | range | ratio | generator's core busy |\n|---|---:|---|---:|---:|")
    for name, rounds in rates.items():
        ratio = statistics.median(rate / bare for rate, bare in zip(rounds, rates[Bare.name], strict=True))
        print(
            f"| {name} | {statistics.median(rounds):,.0f} | {min(rounds):,.0f}-{max(rounds):,.0f} | {ratio:.2f} |"
            f" {busy[name]:.0%} |"
        )
    return 0


def _serve_in_protocol() -> None:
    import uvicorn  # noqa: PLC0415 - only the process that serves

    uvicorn.run(
        "loadtest.bare_servers:app", host="127.0.0.1", port=PORT, loop="uvloop", http=_InProtocol, log_level="error"
    )


class _InProtocol(HttpToolsProtocol):
    """A server without tasks and ASGI messages."""

    def on_headers_complete(self) -> None:
        self.transport.write(ANSWER)

    def on_message_complete(self) -> None: ...


if __name__ == "__main__":
    sys.exit(main())
