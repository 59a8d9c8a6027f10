"""`make bench`: redirects a second of one core and their latency, beside others, in one run; writes RESULTS.md.

    python -m loadtest.bench [--links 1000000] [--rounds 5] [--seconds 8] [--only NAME]

Server and Redis share core 0, the generator and whatever else this does have core 1. Contestants take turns, round by
round. Every request asks for another personal code, with the headers of a recorded visit. What each recorded is counted
afterwards. Needs two cores, and Debian's wrk, nginx, libnginx-mod-http-lua and lua-nginx-redis. Where this Python was
built without profile-guided optimisation, all of it runs on the system's of the same version (loadtest/interpreter.py).
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from loadtest.interpreter import described, run_on_optimised
from loadtest.peers import CODE_KEY, CONTESTANTS, HOST, PORT, SERVER_CORE, Contestant, NginxLua, Taptrail
from loadtest.results import Latency, Throughput, write_results
from records.code import CodeCipher

HERE = Path(__file__).parent
CONNECTIONS = 64
GENERATOR_CORE = "1"
LINKS_A_TAP = 10  # of latency: as of a broadcast that one contact in ten taps, so that neighbours are as warm as there
# Every code once before one comes again: the step is prime. wrk's Lua hashes a string by few of its bytes: without the code in a header too, its string table is the limit.
SCRIPT = """
local codes, heads = {}, {}
for line in io.lines("%(codes)s") do codes[#codes + 1] = line end
for line in io.lines("%(heads)s") do heads[#heads + 1] = (line:gsub("|", "\\r\\n")) end
local n, step = %(start)d, 7919
request = function()
    n = (n + step - 1) %% #codes + 1
    local code = codes[n]
    return "GET /" .. code .. " HTTP/1.1\\r\\nHost: %(host)s\\r\\nX-C: " .. code .. "\\r\\n" .. heads[n %% #heads + 1] .. "\\r\\n\\r\\n"
end
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--only", default="", help="contestants whose class name contains this; writes no page")
    options = parser.parse_args()
    missing = [tool for tool in ("wrk", "nginx", "taskset") if not shutil.which(tool)]
    if missing:
        print(f"not installed: {', '.join(missing)}; apt-get install wrk nginx libnginx-mod-http-lua lua-nginx-redis")
        return 2
    chosen = [contestant for contestant in CONTESTANTS if options.only.lower() in contestant.__name__.lower()]
    run_on_optimised("loadtest.bench")
    print(f"Python {described()}, {sys.executable}", flush=True)
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    with tempfile.TemporaryDirectory(prefix="taptrail-bench-") as name:
        bench = Bench(Path(name), options.links)
        throughput = [
            bench.throughput(contestant, no, options.seconds) for no in range(options.rounds) for contestant in chosen
        ]
        if options.only:
            return 0
        rates = [_half_of(contestant, throughput) for contestant in (NginxLua, Taptrail)]
        latency = [
            bench.latency(contestant, no, rate, options.links // LINKS_A_TAP)
            for no in range(options.rounds)
            for rate in rates
            for contestant in (Taptrail, NginxLua)
        ]
    write_results(HERE, throughput, latency, options)
    return 0


def _half_of(contestant: type[Contestant], found: list[Throughput]) -> float:
    return round(statistics.median(row.rate for row in found if row.name == contestant.name) / 2, -2)


class Bench:
    """The inputs all contestants get, and a round of either kind."""

    def __init__(self, folder: Path, links: int) -> None:
        self.folder = folder
        self._links = links
        self._codes, self._heads = folder / "codes", folder / "heads"
        cipher = CodeCipher(CODE_KEY)
        codes = [cipher.seal(link_id) for link_id in range(links)]
        self._first_code = codes[0]
        self._codes.write_text("\n".join(codes))
        self._heads.write_text(recorded_heads())

    def throughput(self, kind: type[Contestant], round_no: int, seconds: int) -> Throughput:
        """As many requests as wrk gets answered."""
        with self._serving(kind) as contestant:
            before = contestant.recorded() if contestant.records else 0
            script = self.folder / "wrk.lua"
            values = {"codes": self._codes, "heads": self._heads, "host": HOST, "start": round_no * 104_729}
            script.write_text(SCRIPT % values)
            with consumed(contestant), Busy() as busy:
                out = _output(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script),
                               f"http://127.0.0.1:{PORT}/"])  # fmt: skip
            if "Non-2xx" in out:
                raise SystemExit(f"{contestant.name} gave wrong answers:\n{out}")
            answers, rate = int(_found(r"(\d+) requests in", out)), float(_found(r"Requests/sec:\s+([\d.]+)", out))
            recorded = contestant.recorded() - before if contestant.records else 0
            result = Throughput(kind.name, rate, answers, recorded, busy.server, busy.generator)
        print(f"round {round_no + 1}: {result}", flush=True)
        return result

    def latency(self, kind: type[Contestant], round_no: int, rate: float, count: int) -> Latency:
        """A constant arrival rate, whatever the server does."""
        with self._serving(kind) as contestant, consumed(contestant):
            before_s = contestant.cpu_s()
            found = self.tap(rate, count, round_no)
            used_s = contestant.cpu_s() - before_s
        result = Latency(kind.name, rate, used_s / found["answered"] * 1e6, **found)
        if result.wrong:
            raise SystemExit(f"{kind.name} gave {result.wrong} wrong answers")
        print(f"round {round_no + 1}: {result}", flush=True)
        return result

    def tap(self, rate: float, count: int, round_no: int) -> dict[str, Any]:
        """Taps at a constant rate of what serves now; gives what loadtest/open_loop.py says of them."""
        out = _output(
            [sys.executable, "-m", "loadtest.open_loop", "--rate", str(rate), "--count", str(count),
             "--codes", str(self._codes), "--heads", str(self._heads), "--start", str(round_no * 104_729)]
        )  # fmt: skip
        found: dict[str, Any] = json.loads(out)
        return found

    @contextmanager
    def _serving(self, kind: type[Contestant]) -> Iterator[Contestant]:
        contestant = kind(self.folder, self._links)
        try:
            contestant.start(self._first_code)
            yield contestant
        finally:
            contestant.stop()


def recorded_heads() -> str:
    """The headers of the recorded visits of people: a line each, "|" between two headers."""
    visits = json.loads((HERE.parent / "examples" / "visits.json").read_text())
    people = [visit for visit in visits if visit["expected_class"] == "human"]
    return "\n".join("|".join(f"{name}: {value}" for name, value in visit["headers"]) for visit in people)


@contextmanager
def consumed(contestant: Contestant) -> Iterator[None]:
    """What an aggregator takes out of the stream meanwhile is taken."""
    done = threading.Event()

    def consume() -> None:
        while not done.wait(0.1):
            contestant.consume()

    consumer = threading.Thread(target=consume)
    consumer.start()
    try:
        yield
    finally:
        done.set()
        consumer.join()


class Busy:
    """How busy each of the two cores was inside the block, 0 to 1."""

    server = generator = 0.0

    def __enter__(self) -> "Busy":
        self._before = psutil.cpu_times(percpu=True)
        return self

    def __exit__(self, *_: object) -> None:
        shares = []
        for before, after in zip(self._before, psutil.cpu_times(percpu=True), strict=True):
            idle = after.idle + after.iowait - before.idle - before.iowait
            shares.append(1 - idle / (sum(after[:8]) - sum(before[:8])))
        self.server, self.generator = shares[int(SERVER_CORE)], shares[int(GENERATOR_CORE)]


def _output(command: list[str]) -> str:
    return subprocess.run(
        ["taskset", "-c", GENERATOR_CORE, *command], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"wrk said:\n{text}")
    return match[1]


if __name__ == "__main__":
    sys.exit(main())
