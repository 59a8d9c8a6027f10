"""The states of a connection, what can happen to it, and what that leads to; as in h11, all of it is in this file.

A connection is moved by `GuardedConnection.on` alone. One that stays in a state for longer than it may is let go.
"""

from math import inf

IDLE_S = 75.0  # between two requests; browsers connect ahead of a tap
HEAD_S = 10.0  # from the first byte of a request to the end of its head
UNREAD_S = 20.0  # for a client to read its answers


class State:
    """Not an enum, whose members are hashed and got at in Python: a tap passes two of these."""

    __slots__ = ("longest_s", "name")

    def __init__(self, name: str, longest_s: float) -> None:
        self.name = name
        self.longest_s = longest_s

    def __repr__(self) -> str:
        return self.name


NEW = State("NEW", IDLE_S)  # accepted; nothing has arrived
IDLE = State("IDLE", IDLE_S)  # every request is answered; nothing of the next one is here
READING = State("READING", HEAD_S)  # a part of a head, or of a body that its answer did not wait for, is here
ANSWERING = State("ANSWERING", inf)  # an answer is owed
STALLED = State("STALLED", UNREAD_S)  # an answer is owed, and the client does not read what there is of it
UNREAD = State("UNREAD", UNREAD_S)  # every request is answered, and the client does not read the answers
BROKEN = State(
    "BROKEN", HEAD_S
)  # an answer is owed; the body of its request is no HTTP or too long, and is not read on
CLOSING = State("CLOSING", UNREAD_S)  # closed by us; what is written still goes out
CLOSED = State("CLOSED", inf)

OWED = frozenset({ANSWERING, STALLED, BROKEN})
UNREAD_STATES = frozenset({STALLED, UNREAD, CLOSING})
TAKES_REQUESTS = frozenset({NEW, IDLE, READING})


# What happens.
PART = "bytes arrived that are not a whole head"
HEAD = "a head is whole"
SKIPPED = "the body that no answer waited for is over"
ANSWERED = "the answer is written"
PAUSED = "the client does not read"
RESUMED = "the client reads again"
BREAK = "the body cannot be read on"
CLOSE = "we close"
LOST = "the connection is gone"

TRANSITIONS: dict[State, dict[str, State]] = {
    NEW: {PART: READING, HEAD: ANSWERING},
    IDLE: {PART: READING, HEAD: ANSWERING, PAUSED: UNREAD},
    READING: {HEAD: ANSWERING, SKIPPED: IDLE, PAUSED: UNREAD},
    ANSWERING: {ANSWERED: IDLE, PAUSED: STALLED, BREAK: BROKEN},
    STALLED: {ANSWERED: UNREAD, RESUMED: ANSWERING, BREAK: BROKEN},
    UNREAD: {RESUMED: IDLE},
    BROKEN: {PAUSED: BROKEN, RESUMED: BROKEN},
    CLOSING: {PAUSED: CLOSING, RESUMED: CLOSING},
    CLOSED: {},
}
for _state, _after in TRANSITIONS.items():
    if _state is not CLOSED:
        _after |= {CLOSE: CLOSING, LOST: CLOSED}
