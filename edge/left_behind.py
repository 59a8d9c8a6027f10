"""Spools of dead processes on this machine: adopted where they hold a lane, swept away where they never did."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from edge.spool import Spool
from edge.spool_lock import locked

log = logging.getLogger(__name__)


def left_behind(spool_dir: Path) -> Iterator[Spool]:
    """The lanes of dead processes in this directory, adopted."""
    if not spool_dir.is_dir():
        return
    for directory in sorted(spool_dir.iterdir()):
        if not directory.is_dir() or not _is_lane(directory.name):
            continue
        try:
            spool = Spool.adopt(directory)
        except (OSError, ValueError) as error:  # one lane that cannot be read must not keep the others here
            log.error(
                "lane_unreadable: cannot adopt a lane of a dead process",
                extra={"directory": str(directory), "error": str(error)},
            )
            continue
        if spool is not None:
            yield spool


def sweep(spool_dir: Path) -> None:
    """Remove what a crash left of lanes that were just made or just over; they hold no click that is needed."""
    for directory in [*spool_dir.glob(".new-*/"), *spool_dir.glob(".over-*/")]:
        lock = locked(directory)
        if lock is not None:
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)


def _is_lane(name: str) -> bool:
    try:
        return len(name) == 16 and int(name, 16) >= 0
    except ValueError:
        return False
