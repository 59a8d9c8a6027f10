"""What verifying a broadcast takes, and what people who tap meanwhile feel of it.

    python -m loadtest.bench_verify [--contacts 200000] [--rate 200] [--rounds 3]

Mints into a stack of its own and taps at a constant rate, by turns alone and while `taptrail verify --sample all`
runs. Taps of one round are compared with each other: their ratio counts, not their milliseconds. Then verifies all
links once. Exits with 1 where a tap is answered wrongly or verification does not pass.
"""

import argparse
import contextlib
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from loadtest.bench_mint import BROADCAST, mint, write_contacts
from loadtest.open_loop import Arrivals
from stack.demo import DOMAIN, start_stack, stop_stack

TAP_S = 8.0
_STEP = 7919  # taps are spread over the links
_PHONE = (
    "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile/15E148"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--rate", type=int, default=200, help="taps a second")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-verify-") as name:
        stack, ready = start_stack(Path(name))
        try:
            return _bench(Path(name), ready, options)
        finally:
            stop_stack(stack)


def _bench(folder: Path, ready: dict[str, Any], options: argparse.Namespace) -> int:
    given, out = folder / "contacts.csv", folder / "links.csv"
    write_contacts(given, options.contacts, as_uuid=False)
    minted = mint(ready, given, out)
    with out.open(newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    wrong, ratios = 0, []
    for number in range(options.rounds):
        alone = _tapped(ready, codes, options.rate, number)
        with _verifying(ready):
            meanwhile = _tapped(ready, codes, options.rate, number)
        ratios.append(meanwhile["p99_ms"] / alone["p99_ms"])
        wrong += alone["wrong"] + meanwhile["wrong"]
        print(f"taps, p50 and p99 in ms: alone {alone['p50_ms']}, {alone['p99_ms']}; while all links are verified "
              f"{meanwhile['p50_ms']}, {meanwhile['p99_ms']}: {ratios[-1]:.2f} times the p99")  # fmt: skip
    began = time.perf_counter()
    done = subprocess.run(**_verify(ready), check=False)
    seconds = time.perf_counter() - began
    print(done.stdout.strip())
    print(f"{options.contacts:,} links verified in {seconds:.1f} s, {options.contacts / seconds:,.0f} links/s: "
          f"{seconds / minted.seconds:.2f} times minting them; taps' p99 {statistics.median(ratios):.2f} times (median)")  # fmt: skip
    return 1 if wrong or done.returncode else 0


def _verify(ready: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "cli", "verify", "--broadcast", BROADCAST, "--sample", "all", "--no-fetch"]
    environ = os.environ | {"TAPTRAIL_CONTROL_URL": ready["control"], "TAPTRAIL_API_KEY": ready["api_key"]}
    return {"args": command, "env": environ, "stdout": subprocess.PIPE, "text": True}


@contextlib.contextmanager
def _verifying(ready: dict[str, Any]) -> Any:
    process = subprocess.Popen(**_verify(ready))
    time.sleep(2.0)  # it has begun to ask the edge
    try:
        yield
        if process.poll() is not None:
            raise SystemExit("verification ended before the taps did: take more --contacts")
    finally:
        process.kill()
        process.wait()


def _tapped(ready: dict[str, Any], codes: list[str], rate: int, number: int) -> dict[str, Any]:
    taps = int(rate * TAP_S)
    requests = [_request(codes[(number * taps + tap) * _STEP % len(codes)]) for tap in range(taps)]
    arrivals = Arrivals(requests, rate, urlsplit(ready["edge"]).port or 80)
    uvloop.run(arrivals.run())
    return arrivals.summary()


def _request(code: str) -> bytes:
    return f"GET /{code} HTTP/1.1\r\nHost: {DOMAIN}\r\n{_PHONE}\r\n\r\n".encode()


if __name__ == "__main__":
    sys.exit(main())
