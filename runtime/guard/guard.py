"""All guarded connections of a port: how many there may be, how long each may keep us waiting, whom to turn away."""

import asyncio
import logging
import resource
import time
from collections.abc import Callable
from itertools import islice
from math import inf
from typing import Any, Protocol

from runtime.guard.budget import OF_PROCESS, Budget
from runtime.guard.raw import overloaded

# Text messages go out in waves, and each phone opens a connection; an idle one costs 5 KiB (docs/architecture.md).
MOST_OPEN = 16_384
SPARE_DESCRIPTORS = 128  # for the stores, the disk, the ops port and what the loop needs itself
FEW_DESCRIPTORS = 4_096

_ASKED = 64  # oldest connections that are looked at to find an idle one
_LOOK_EVERY_S = 0.2
# New connections in the accept queue, of BACKLOG: more than a wave that is served within a moment.
_MANY_WAITING = 1024
_MOST_SHED = 0.95  # some are always served, so that goodput never falls to nothing

log = logging.getLogger(__name__)


class Connection(Protocol):
    """A connection as the guard, the shortcut and the server know it."""

    peer: str  # the address of the client; "" where there is none
    deadline: float  # on the clock of Guard.now; a connection that is still the same beyond it is let go

    @property
    def is_idle(self) -> bool:
        """Whether no answer is owed."""

    @property
    def is_last(self) -> bool:
        """Whether the connection ends with the answer that is owed, which has to say so."""

    def read_no_more(self) -> None:
        """Make the answer to what was read so far the last one."""

    def answer(self, response: bytes) -> None:
        """Send the whole response that is owed. Where the connection is gone, nothing."""

    def answered(self) -> None:
        """The server has sent the response that was owed."""

    def shutdown(self) -> None:
        """Answer what is on its way, then close."""

    def late(self) -> None:
        """End it if it is the client that keeps us waiting."""

    def let_go(self) -> None:
        """End it immediately."""


class Shortcut(Protocol):
    """Answers some requests itself, past the server and ASGI."""

    def read(self, head: bytes) -> Any | None:
        """These bytes as one whole request without a body that answer() takes; None for any other bytes."""

    def answer(self, request: Any, connection: Connection) -> None:
        """Answer it through connection.answer(), now or later."""


class NoShortcut:
    def read(self, head: bytes) -> None:
        return None

    def answer(self, request: Any, connection: Connection) -> None: ...


class Guard:
    """Oldest first. One more than `most_open` costs the oldest idle one its place: descriptors never run out.

    turned_away: gives the answer for a connection that is not served, by its first bytes.
    max_body_bytes: of one request; inf where the application reads bodies, with the flow control of ASGI.
    answers_half_closed: whether a client that closes its sending half still waits; else it has hung up.
    """

    def __init__(
        self,
        most_open: int,
        *,
        shortcut: Shortcut | None = None,
        turned_away: Callable[[bytes], bytes] = overloaded,
        max_body_bytes: float = inf,
        answers_half_closed: bool = True,
        budget: Budget = OF_PROCESS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.most_open = most_open
        self.shortcut = shortcut or NoShortcut()
        self.turned_away = turned_away
        self.max_body_bytes = max_body_bytes
        self.answers_half_closed = answers_half_closed
        self.budget = budget
        self.draining = False
        self.shed_share = 0.0  # of the new connections
        self._clock = clock
        self.now = clock()  # as of the last look: exact enough for deadlines, and free
        self._open: dict[Connection, None] = {}
        self._shed_due = 0.0
        self._was_crowded = False

    @property
    def open(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        self._open[connection] = None
        if len(self._open) > self.most_open:
            oldest = next((old for old in islice(self._open, _ASKED) if old.is_idle), connection)
            del self._open[oldest]
            oldest.let_go()

    def discard(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def drain(self) -> None:
        """From now on each answer is the last of its connection."""
        self.draining = True

    def sheds(self) -> bool:
        """Whether the next new connection is turned away: an even share of them while too many wait behind it."""
        self._shed_due += self.shed_share
        if self._shed_due < 1:
            return False
        self._shed_due -= 1
        return True

    async def watch(self, waiting: Callable[[], int]) -> None:
        """Let go of those beyond their deadline, and choose how many to shed. waiting(): length of the accept queue."""
        while True:
            self.now = now = self._clock()
            for late in [connection for connection in self._open if connection.deadline < now]:
                late.late()
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
        log.warning(
            "descriptor_limit_low: few connections can be open at once; raise the limit", extra={"RLIMIT_NOFILE": hard}
        )
    return max(min(MOST_OPEN, hard - SPARE_DESCRIPTORS), 1)
