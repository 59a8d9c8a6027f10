"""System calls of an edge and its Redis, a second without taps and a tap at a constant rate, counted by strace.

    python -m loadtest.system_calls [--rate 6000] [--seconds 4] [--alone 2000]

Three columns for each process: a second in which nobody taps; a tap, where one comes after the answer to the other; and
a tap at the rate. strace makes a call ten times as dear, so that at the rate more taps fall into an event-loop tick than
without it: the second column is what a tick costs, the third what ticks of several share. For the instructions:
`python -m loadtest.tap_cost --tick N`; how many taps fall into a tick without strace is printed below the table.
"""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from loadtest.bench import Bench, consumed
from loadtest.peers import CODE_KEY, HOST, OPS_PORT, PORT, Contestant, Taptrail
from records.code import CodeCipher

LINKS = 200_000
ALONE_FROM = 100_000  # ids of the links that are tapped one by one; those of the rate begin with the first
Counts = Mapping[str, float]  # calls by name


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=float, default=6000, help="taps a second")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--alone", type=int, default=2000, help="taps one after another")
    options = parser.parse_args()
    if not shutil.which("strace"):
        print("not installed: strace; apt-get install strace")
        return 2
    with tempfile.TemporaryDirectory(prefix="taptrail-calls-") as name, _Measured(Path(name)).serving() as measured:
        for title, process in zip(("Redis", "edge"), measured.edge.processes, strict=True):
            print(measured.table(title, process.pid, options), flush=True)
        taps_a_tick = measured.taps_a_tick(options.rate, int(options.rate * options.seconds))
        print(f"{taps_a_tick:.1f} taps asked of Redis in a tick, without strace")
    return 0


class _Measured:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bench = Bench(folder, LINKS)
        self._cipher = CodeCipher(CODE_KEY)
        self._alone = self._rounds = 0
        self.edge: Contestant = Taptrail(folder, LINKS)

    @contextmanager
    def serving(self) -> Iterator["_Measured"]:
        try:
            self.edge.start(self._cipher.seal(0))
            with consumed(self.edge):
                self.tap_at(1_000, 1_000)
                yield self
        finally:
            self.edge.stop()

    def table(self, title: str, pid: int, options: argparse.Namespace) -> str:
        count = int(options.rate * options.seconds)
        idle = self.calls(pid, lambda: time.sleep(options.seconds), options.seconds)
        alone = self.calls(pid, lambda: self.tap_alone(options.alone), options.alone)
        at_rate = self.calls(pid, lambda: self.tap_at(options.rate, count), count)
        return table(title, idle, alone, at_rate, options.rate)

    def calls(self, pid: int, what: Callable[[], None], parts: float) -> Counts:
        """How many of each were made meanwhile, for each part."""
        found = self._folder / "strace"
        strace = subprocess.Popen(["strace", "-c", "-f", "-p", str(pid), "-o", str(found)], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        what()
        strace.send_signal(signal.SIGINT)
        strace.wait(60)
        return {name: calls / parts for name, calls in counted(found.read_text()).items()}

    def tap_alone(self, count: int) -> None:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
        for link_id in range(ALONE_FROM + self._alone, ALONE_FROM + self._alone + count):
            connection.request("GET", f"/{self._cipher.seal(link_id % LINKS)}", headers={"Host": HOST})
            assert connection.getresponse().read() == b""
        self._alone += count
        connection.close()

    def tap_at(self, rate: float, count: int) -> None:
        self._rounds += 1
        self._bench.tap(rate, count, self._rounds)

    def taps_a_tick(self, rate: float, count: int) -> float:
        before = _asked()
        self.tap_at(rate, count)
        after = _asked()
        return (after["sum"] - before["sum"]) / max(after["count"] - before["count"], 1)


def counted(summary: str) -> dict[str, int]:
    """What `strace -c` wrote."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w+)$", summary, re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}


def table(title: str, idle: Counts, alone: Counts, at_rate: Counts, rate: float) -> str:
    """Calls that are made less than once in a hundred taps and once a second are summed up."""
    lines = [
        f"| {title} | a second without taps | a tap alone | a tap at {rate:,.0f}/s |",
        "|---|---:|---:|---:|",
    ]
    columns = idle, alone, at_rate
    names = sorted({*idle, *alone, *at_rate}, key=lambda name: (-alone.get(name, 0), name))
    often = [name for name in names if idle.get(name, 0) >= 1 or max(alone.get(name, 0), at_rate.get(name, 0)) >= 0.01]
    rows = [(name, [column.get(name, 0.0) for column in columns]) for name in often]
    rest = [sum(calls for name, calls in column.items() if name not in often) for column in columns]
    rows += [("others", rest), ("all", [sum(column.values()) for column in columns])]
    lines += [f"| {name} | {a:.1f} | {b:.2f} | {c:.2f} |" for name, (a, b, c) in rows]
    return "\n".join(lines) + "\n"


def _asked() -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{OPS_PORT}/metrics") as answer:
        text = answer.read().decode()
    return {
        kind: float(value)
        for kind, value in re.findall(r"^taptrail_lookup_batch_links_(sum|count) (\S+)$", text, re.MULTILINE)
    }


if __name__ == "__main__":
    sys.exit(main())
