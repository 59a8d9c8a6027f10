"""Resident memory of one edge process, from its start until so many links were tapped, each once.

    python -m loadtest.edge_memory [--taps 1000000] [--links 1000000]

Taps come as fast as they are answered, from Redis, in the order in which `make bench` takes them; an aggregator's part
is played by loadtest/peers.py. The last column says what the memory grew by for each tap since the row before: where
that is near 0, all that an edge keeps is full.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from loadtest.scaled import System
from loadtest.scaling import AT_ONCE

ROWS = 10
MOST_MIB = 160


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--taps", type=int, default=1_000_000)
    parser.add_argument("--links", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="taptrail-memory-") as name:
        system = System(Path(name), options.links)
        try:
            system.start_redis()
            rows = _measured(system, options.taps)
        finally:
            system.stop()
    print(table(rows))
    held = rows[-1][1] <= MOST_MIB * 2**20
    print(f"{'ok' if held else 'TOO MUCH'}: at most {MOST_MIB} MiB")
    return 0 if held else 1


def _measured(system: System, taps: int) -> list[tuple[int, int]]:
    with system.edges(1):
        rows = [(0, system.rss_bytes())]
        while (answered := rows[-1][0]) < taps:
            answered += system.tapped(min(taps // ROWS, taps - answered), AT_ONCE, answered)
            rows.append((answered, system.rss_bytes()))
    return rows


def table(rows: Sequence[tuple[int, int]]) -> str:
    """rows: (taps answered, bytes)."""
    lines = ["| taps answered | RSS, MiB | bytes more a tap |", "|---:|---:|---:|"]
    before = rows[0]
    for taps, size in rows:
        each = (size - before[1]) / max(taps - before[0], 1)
        lines.append(f"| {taps:,} | {size / 2**20:.1f} | {each:.1f} |")
        before = taps, size
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
