"""The edge with so many idle steps more on every tap: what `loadtest.guard --add-us` has to find out.

python -m loadtest.cpu_burden LOOPS
"""

import sys
import timeit
from collections.abc import Callable
from typing import Any

import edge.redirect
from edge.__main__ import main


def loops_of(seconds: float) -> int:
    """How many steps of the burden take so long on this machine, now."""
    return round(seconds / min(timeit.repeat("for _ in range(1000): pass", number=100, repeat=5)) * 100_000)


def burden(loops: int) -> None:
    """Make every decision take so many steps longer, in this process."""
    if loops:
        edge.redirect.decide = _burdened(edge.redirect.decide, loops)


def _burdened(decide: Callable[..., Any], loops: int) -> Callable[..., Any]:
    def burdened(*args: Any) -> Any:
        for _ in range(loops):
            pass
        return decide(*args)

    return burdened


if __name__ == "__main__":
    burden(int(sys.argv[1]))
    sys.exit(main())
