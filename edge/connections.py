"""All open connections of an edge process: how many there may be, and how long each may keep us waiting."""

import asyncio
import logging
import resource
import time
from itertools import islice
from typing import Protocol

# Text messages go out in waves, and each phone opens a connection; an idle one costs 7 KiB (docs/architecture.md).
MOST_OPEN = 16_384
SPARE_DESCRIPTORS = 128  # for the spool, Redis, ClickHouse, the ops port and what the loop needs itself
FEW_DESCRIPTORS = 4_096

_ASKED = 64  # oldest connections that are looked at to find an idle one
_LOOK_EVERY_S = 0.5

log = logging.getLogger(__name__)


class Connection(Protocol):
    deadline: float  # on the clock of Connections.now; whoever keeps us waiting beyond it is let go

    @property
    def is_idle(self) -> bool: ...

    def let_go(self) -> None: ...


class Connections:
    """Oldest first. One more than `most` costs the oldest idle one its place: descriptors and memory never run out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[Connection, None] = {}
        self.draining = False
        self.now = time.monotonic()  # as of the last look: exact enough for deadlines, and free

    def add(self, connection: Connection) -> None:
        self._open[connection] = None
        if len(self._open) > self._most:
            oldest = next((one for one in islice(self._open, _ASKED) if one.is_idle), connection)
            del self._open[oldest]
            oldest.let_go()

    def discard(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    async def watch(self) -> None:
        """Let go of those that are beyond their deadline. Runs until it is cancelled."""
        while True:
            self.now = now = time.monotonic()
            for late in [one for one in self._open if one.deadline < now]:
                late.let_go()
            await asyncio.sleep(_LOOK_EVERY_S)


def most_connections() -> int:
    """As many as the system lets this process have, after asking it for all it may; at most MOST_OPEN."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < FEW_DESCRIPTORS:
        log.warning("few connections can be open at once: raise the limit", extra={"RLIMIT_NOFILE": hard})
    return max(min(MOST_OPEN, hard - SPARE_DESCRIPTORS), 1)
