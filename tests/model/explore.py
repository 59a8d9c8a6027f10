"""Explores interleavings at random: python -m tests.model.explore --seconds 60 --seed 1."""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.model.world import Weaken, World

# How often each act comes, of all of them.
WEIGHTS = {
    "go": 30,
    "tap": 12,
    "answer": 8,
    "pass_time": 5,
    "take_a_step": 2,
    "fail": 2,
    "lose_the_answer": 3,
    "delay": 3,
    "arrive": 3,
    "begin_insert": 3,
    "refuse_insert": 1,
    "kill_clickhouse": 1,
    "kill_aggregator": 2,
    "kill_edge": 1,
    "stop_aggregator": 1,
    "drain_edge": 1,
    "freeze": 3,
    "start_edge": 3,
    "start_aggregator": 4,
    "flush_redis": 1,
    "copy_redis": 2,
    "promote_replica": 1,
}
MOST = 12
MEMORY_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None


def acts(rng: random.Random, count: int) -> list[tuple[str, int]]:
    names = rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    return [(name, rng.randrange(MOST)) for name in names]


def play(folder: Path, history: list[tuple[str, int]], weaken: Weaken | None = None) -> World:
    """Raises Violation where the history breaks a promise."""
    world = World(folder, weaken) if weaken else World(folder)
    with world.loop.running():
        try:
            world.start_edge()
            world.start_aggregator()
            for name, n in history:
                getattr(world, name)(n)
            world.settle()
        finally:
            world.close()
    return world


def explore(
    disk: str | None, seed: int, count: float = float("inf"), seconds: float = float("inf"), acts_each: int = 60
) -> int:
    """Play so many interleavings, or for so long; raises what the first broken promise raises, noted with its acts."""
    give_up_at, number = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory(dir=disk) as root:
        while number < count and time.monotonic() < give_up_at:
            history = acts(random.Random(f"{seed}/{number}"), acts_each)
            random.seed(number)
            folder = Path(root, str(number))
            try:
                play(folder, history)
            except Exception as error:
                error.add_note(f"interleaving {number} of seed {seed}: {history}")
                raise
            shutil.rmtree(folder)
            number += 1
    return number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--acts", type=int, default=60, help="of one interleaving")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    number = explore(MEMORY_DISK, options.seed, seconds=options.seconds, acts_each=options.acts)
    took_s = time.monotonic() - began
    print(f"{number} interleavings of {options.acts} acts, {number / took_s:.0f} a second: every promise held")
    return 0


if __name__ == "__main__":
    sys.exit(main())
