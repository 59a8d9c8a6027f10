"""What a tap costs with more workers and with more links; how an edge starts and what it keeps; prints Markdown.

    python -m loadtest.scaling [--rounds 5] [--most-links 10000000] [--kept-taps 1000000]

CPU time of the edge workers and of Valkey, divided by the taps answered: other work on the machine changes that less
than it changes answers a second. Rows take turns, round by round; each round has new edges, and taps no link twice.
Valkey's part includes what an aggregator asks of it (loadtest/peers.py).
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from loadtest.scaled import Cost, System

RATE = 1_500  # taps a second, well below what a busy machine answers
AT_ONCE = 1_000_000  # far more than any edge answers: its ticks are full
FEWEST_LINKS, KEPT_LINKS = 10_000, 1_000_000
WARM_UP, TAPS = 1_000, 9_000  # together FEWEST_LINKS
MANY_TAPS = 40_000
COST_HEAD = " edges, us a tap | Valkey, us a tap | together (lowest-highest) | of the first row |"
COST_RULE = "---:|---:|---:|---:|"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--most-links", type=int, default=10_000_000)
    parser.add_argument("--kept-taps", type=int, default=1_000_000)
    options = parser.parse_args()
    sizes = [FEWEST_LINKS * 10**power for power in range(8) if FEWEST_LINKS * 10**power <= options.most_links]
    with tempfile.TemporaryDirectory(prefix="taptrail-scaling-") as name:
        systems = [System(Path(name), links) for links in sizes]
        try:
            for system in systems:
                _start(system)
            print(workers_table(systems[1], options.rounds), flush=True)
            print(links_table(systems, options.rounds), flush=True)
            print(start_table([systems[0], systems[-1]], options.rounds), flush=True)
            large = next(system for system in systems if system.links >= KEPT_LINKS)
            print(kept_table(large, options.kept_taps), flush=True)
        finally:
            for system in systems:
                system.stop()
    return 0


def _start(system: System) -> None:
    started = time.monotonic()
    system.start_redis()
    print(f"{system.links:,} links in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def workers_table(system: System, rounds: int) -> str:
    kinds = [(rate, workers) for rate in (RATE, AT_ONCE) for workers in (1, 2)]
    found = [[system.cost(MANY_TAPS, rate, WARM_UP, workers) for rate, workers in kinds] for _ in range(rounds)]
    lines = ["| taps a second | edge workers |" + COST_HEAD, "|---|---:|" + COST_RULE]
    for column, (rate, workers) in enumerate(kinds):
        firsts = [row[column // 2 * 2] for row in found]
        said = "as many as are answered" if rate == AT_ONCE else f"{rate:,}"
        lines.append(f"| {said} | {workers} | {_described([row[column] for row in found], firsts)} |")
    return "\n".join(lines) + "\n"


def links_table(systems: Sequence[System], rounds: int) -> str:
    memory = [(system.used_bytes(), (system.used_bytes() - system.empty_bytes) / system.links) for system in systems]
    found = [[system.cost(TAPS, RATE, WARM_UP) for system in systems] for _ in range(rounds)]
    lines = ["| links | Valkey, MB | bytes a link |" + COST_HEAD, "|---:|---:|---:|" + COST_RULE]
    firsts = [row[0] for row in found]
    for column, system in enumerate(systems):
        in_all, each = memory[column]
        costs = _described([row[column] for row in found], firsts)
        lines.append(f"| {system.links:,} | {in_all / 1e6:,.1f} | {each:.1f} | {costs} |")
    return "\n".join(lines) + "\n"


def start_table(systems: Sequence[System], rounds: int) -> str:
    found = [[_started(system) for system in systems] for _ in range(rounds)]
    lines = ["| links | from the start to `/readyz` 200, s | CPU of it, s |", "|---:|---:|---:|"]
    for column, system in enumerate(systems):
        wall, cpu = (statistics.median(row[column][kind] for row in found) for kind in (0, 1))
        lines.append(f"| {system.links:,} | {wall:.2f} | {cpu:.2f} |")
    return "\n".join(lines) + "\n"


def _started(system: System) -> tuple[float, float]:
    with system.edges(1) as start:
        return start.wall_s, start.cpu_s


def kept_table(system: System, taps: int) -> str:
    """Resident memory of one edge process."""
    lines = ["| taps answered | RSS, MB |", "|---:|---:|"]
    with system.edges(1):
        answered = 0
        lines.append(f"| 0 | {system.rss_bytes() / 1e6:.1f} |")
        while answered < taps:
            answered += system.tapped(MANY_TAPS, AT_ONCE, answered)
            lines.append(f"| {answered:,} | {system.rss_bytes() / 1e6:.1f} |")
    return "\n".join([*lines[:4], lines[-1]]) + "\n"


def _described(costs: Sequence[Cost], firsts: Sequence[Cost]) -> str:
    """Medians over the rounds; the ratio of each round to its own first row, so that a busy moment counts for both."""
    edges, valkey, both = (
        statistics.median(getattr(cost, name) for cost in costs) for name in ("edges", "valkey", "both")
    )
    spread = [cost.both for cost in costs]
    ratio = statistics.median(cost.both / first.both for cost, first in zip(costs, firsts, strict=True))
    return f"{edges:.1f} | {valkey:.1f} | {both:.1f} ({min(spread):.1f}-{max(spread):.1f}) | {ratio:.2f}x"


if __name__ == "__main__":
    sys.exit(main())
