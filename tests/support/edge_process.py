"""python -m tests.support.edge_process: one edge process with limits that a test reaches."""

import argparse
import functools
import os
import signal
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segment-bytes", type=int, help="begin a new segment of the spool from this size on")
    parser.add_argument("--max-unspooled-bytes", type=int, help="clicks held in memory while the disk takes nothing")
    parser.add_argument("--held", action="store_true", help="stop (SIGSTOP) before anything of the edge is loaded")
    given = parser.parse_args()
    if given.held:
        os.kill(os.getpid(), signal.SIGSTOP)

    # Imported here: a held edge has everything before it, the reading of its modules too.
    from edge.__main__ import serve
    from edge.settings import Settings
    from runtime.process import run

    limits = {"segment_bytes": given.segment_bytes, "max_unspooled_bytes": given.max_unspooled_bytes}
    given_limits = {name: value for name, value in limits.items() if value is not None}
    return run("edge", Settings, functools.partial(serve, **given_limits))


if __name__ == "__main__":
    sys.exit(main())
