"""From the start of an edge process to its first tap answered, beside `python -c 'import uvloop, starlette'`.

    python -m loadtest.edge_start [--rounds 9]

Redis knows the links, ClickHouse is away: it refuses the connection. The two take turns; the ratio is taken within a
round, so that a busy machine counts for both. CPU time is the edge's own.
"""

import argparse
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from loadtest.cpu_time import cpu_s
from loadtest.peers import CODE_KEY, SERVER_CORE, Taptrail, answers
from records.code import CodeCipher

LINKS = 10_000
LONGEST_S = 60


class Round(NamedTuple):
    bare_s: float
    edge_s: float
    edge_cpu_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-start-") as folder:
        edge = Taptrail(Path(folder), LINKS)
        try:
            edge.start_redis()
            rounds = [_round(edge) for _ in range(options.rounds)]
        finally:
            edge.stop()
    print(table(rounds))
    return 0


def _round(edge: Taptrail) -> Round:
    bare_s = _until_imported()
    began = time.perf_counter()
    edge.serve()
    process = edge.processes[-1]
    code = CodeCipher(CODE_KEY).seal(0)
    while not answers(code):
        if time.perf_counter() - began > LONGEST_S:
            raise SystemExit("the edge answered no tap")
        time.sleep(0.002)  # the edge needs the core
    edge_s, edge_cpu_s = time.perf_counter() - began, cpu_s(process.pid)
    process.send_signal(signal.SIGTERM)
    process.wait(LONGEST_S)
    shutil.rmtree(edge.folder / "spool")  # the next one has no lane to adopt
    return Round(bare_s, edge_s, edge_cpu_s)


def _until_imported() -> float:
    began = time.perf_counter()
    subprocess.run(["taskset", "-c", SERVER_CORE, sys.executable, "-c", "import uvloop, starlette"], check=True)
    return time.perf_counter() - began


def table(rounds: list[Round]) -> str:
    bare, edge, cpu = (statistics.median(round_[column] for round_ in rounds) for column in range(3))
    ratio = statistics.median(round_.edge_s / round_.bare_s for round_ in rounds)
    fastest = min(round_.edge_s for round_ in rounds)
    return "\n".join([
        "| `import uvloop, starlette`, s | an edge until its first tap, s | fastest | CPU of it, s | ratio |",
        "|---:|---:|---:|---:|---:|",
        f"| {bare:.2f} | {edge:.2f} | {fastest:.2f} | {cpu:.2f} | {ratio:.1f}x |",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
