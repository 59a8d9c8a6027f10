"""`make guard`: fails when a tap got dearer; compares with a bare server in the same run, never with a clock.

    python -m loadtest.guard

Two checks. Instructions (loadtest/tap_cost.py) see a change of a few percent on any machine. Throughput sees what
instructions do not: waiting, system calls, the shipper and Redis.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from loadtest.bench import Bench
from loadtest.peers import Bare, Contestant, Taptrail
from loadtest.tap_cost import measured

# Both are ratios of a tap to a request that a bare ASGI callable answers on uvicorn. The instructions vary by 0.1 %
# from run to run; throughput by 10 % on a busy machine, and 20 us more on a tap cost 40 % of it.
MOST_INSTRUCTIONS = 1.20
LEAST_THROUGHPUT = 1.00
ROUNDS = 5
LINKS = 100_000  # each request another one, and more than an edge keeps in memory
REQUESTS = 40_000
AT_ONCE = 1e6  # requests a second that are due: far more than any server answers, so connections are never idle


def main() -> int:
    tap, bare = measured()
    ratios = throughput()
    checks = [
        (tap / bare <= MOST_INSTRUCTIONS,
         f"a tap takes {tap:,} instructions, {tap / bare:.3f} of a bare request's {bare:,}; at most {MOST_INSTRUCTIONS}"),
        (statistics.median(ratios) >= LEAST_THROUGHPUT,
         f"taps a second are {statistics.median(ratios):.2f} of bare requests a second (rounds: "
         f"{min(ratios):.2f}-{max(ratios):.2f}); at least {LEAST_THROUGHPUT}"),
    ]  # fmt: skip
    for held, what in checks:
        print(f"{'ok' if held else 'TOO SLOW'}: {what}")
    return 0 if all(held for held, _ in checks) else 1


def throughput() -> list[float]:
    """Taps a second for each bare request a second, of every round."""
    with tempfile.TemporaryDirectory(prefix="taptrail-guard-") as folder:
        bench = Bench(Path(folder), LINKS)
        return [_rate(bench, Taptrail, round_no) / _rate(bench, Bare, round_no) for round_no in range(ROUNDS)]


def _rate(bench: Bench, kind: type[Contestant], round_no: int) -> float:
    return bench.latency(kind, round_no, AT_ONCE, REQUESTS).answered_per_s


if __name__ == "__main__":
    sys.exit(main())
