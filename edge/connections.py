"""All open connections of an edge process: how many there may be, how long each may keep us waiting, whom to shed."""

import asyncio
import logging
import resource
import time
from collections.abc import Callable
from itertools import islice
from typing import Protocol

from edge.tap_stats import TapStats

# Text messages go out in waves, and each phone opens a connection; an idle one costs 5 KiB (docs/architecture.md).
MOST_OPEN = 16_384
SPARE_DESCRIPTORS = 128  # for the spool, Redis, ClickHouse, the ops port and what the loop needs itself
FEW_DESCRIPTORS = 4_096

_ASKED = 64  # oldest connections that are looked at to find an idle one
_LOOK_EVERY_S = 0.2
# New connections in the accept queue, of BACKLOG: more than a wave that is served within a moment.
_MANY_WAITING = 1024
_MOST_SHED = 0.95  # some are always served, so that goodput never falls to nothing

log = logging.getLogger(__name__)


class Connection(Protocol):
    deadline: float  # on the clock of Connections.now; whoever keeps us waiting beyond it is let go

    @property
    def is_idle(self) -> bool: ...

    def let_go(self) -> None: ...


class Connections:
    """Oldest first. One more than `most` costs the oldest idle one its place: descriptors and memory never run out."""

    def __init__(self, most: int, stats: TapStats) -> None:
        self.most, self._stats = most, stats
        self._open: dict[Connection, None] = {}
        self.draining = False
        self.shed_share = 0.0  # of the new connections
        self._shed_due = 0.0
        self._was_crowded = False
        self.now = time.monotonic()  # as of the last look: exact enough for deadlines, and free

    @property
    def open(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        self._open[connection] = None
        if len(self._open) > self.most:
            oldest = next((one for one in islice(self._open, _ASKED) if one.is_idle), connection)
            del self._open[oldest]
            oldest.let_go()

    def discard(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def sheds(self) -> bool:
        """Whether the next new connection is turned away: an even share of them while too many wait behind it."""
        self._shed_due += self.shed_share
        if self._shed_due < 1:
            return False
        self._shed_due -= 1
        self._stats.overloaded(unread=True)
        return True

    async def watch(self, waiting: Callable[[], int]) -> None:
        """Let go of those beyond their deadline, and choose how many to shed. waiting(): length of the accept queue."""
        while True:
            self.now = now = time.monotonic()
            for late in [one for one in self._open if one.deadline < now]:
                late.let_go()
            self._judge(waiting() > _MANY_WAITING)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _judge(self, crowded: bool) -> None:
        if crowded and self._was_crowded:
            self.shed_share = min(self.shed_share + 0.1, _MOST_SHED)
        elif not crowded:
            self.shed_share = max(self.shed_share - 0.1, 0.0)
        self._was_crowded = crowded


def most_connections() -> int:
    """As many as the system lets this process have, after asking it for all it may; at most MOST_OPEN."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < FEW_DESCRIPTORS:
        log.warning("few connections can be open at once: raise the limit", extra={"RLIMIT_NOFILE": hard})
    return max(min(MOST_OPEN, hard - SPARE_DESCRIPTORS), 1)
