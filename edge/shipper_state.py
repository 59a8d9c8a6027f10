"""The states of shipping one lane. Shipper is the only writer.

                 located              settled
    LOCATING ---------------> SHIPPING -------> ENDED
      ^  ^ |                   |    |
      |  | |     doubted       |    |
      |  +-|-------------------+    |
      |    | failed          failed |
      |    v                        |
      +- BACKING_OFF <--------------+
 paused

A lane of this process and an adopted one take the same way. Only a complete lane ends (lane_source.py): an adopted one
is complete from the start, an own one when its process drains.
"""

from enum import Enum, auto


class State(Enum):
    LOCATING = auto()  # Redis is to be asked what it and ClickHouse have of the lane
    SHIPPING = auto()  # the stream ends with the last click sent
    BACKING_OFF = auto()  # a step failed: Redis is away or refuses, or the spool cannot be read
    ENDED = auto()  # complete and in ClickHouse as a whole; the spool is deleted


class Event(Enum):
    LOCATED = auto()
    DOUBTED = auto()  # the stream lacks clicks that it had accepted, had some already, or may be another's
    FAILED = auto()
    PAUSED = auto()
    SETTLED = auto()


TRANSITIONS = {
    (State.LOCATING, Event.LOCATED): State.SHIPPING,
    (State.LOCATING, Event.DOUBTED): State.LOCATING,  # twice in one step
    (State.LOCATING, Event.FAILED): State.BACKING_OFF,
    (State.SHIPPING, Event.DOUBTED): State.LOCATING,
    (State.SHIPPING, Event.FAILED): State.BACKING_OFF,
    (State.SHIPPING, Event.SETTLED): State.ENDED,
    (State.BACKING_OFF, Event.PAUSED): State.LOCATING,
}
