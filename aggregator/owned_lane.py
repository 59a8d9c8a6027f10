"""The states of a lane while this aggregator holds its lease. All that changes a lane's state is in this file.

                    fence             locate
    acquired: LEASED ------> FENCED ----------> RECOVERED
                               ^                    |
                               | fence              | doubt
                               +----- DOUBTFUL <----+

    Every one of them ends when its lease is lost or given back, or when the lane is over: ENDED, for good. A lane that
    is acquired again begins as a new OwnedLane, because another aggregator may have written for it in between.

Batches move in RECOVERED alone. Doubt changes nothing before that: whatever is not known is still to be found out.
"""

from collections.abc import Iterable
from enum import Enum, auto

from aggregator.decode import Span
from records.keys import lane_name


class LaneState(Enum):
    LEASED = auto()  # held; a former owner may still be inserting
    FENCED = auto()  # only this process can insert; what the tables have is not known
    RECOVERED = auto()  # what the tables have is known, and between batches nothing is on its way to them
    DOUBTFUL = auto()  # only this process can insert, and something of its own may still be on its way
    ENDED = auto()  # not held any more


class LaneEvent(Enum):
    FENCE = auto()  # former inserts have been waited for and ended, and Redis says that this process writes
    LOCATE = auto()  # the tables were asked
    DOUBT = auto()  # a step failed, a lease was lost, or the stream does not hold what it should
    END = auto()  # lost, given back, or over


TRANSITIONS: dict[tuple[LaneState, LaneEvent], LaneState] = {
    (LaneState.LEASED, LaneEvent.FENCE): LaneState.FENCED,
    (LaneState.LEASED, LaneEvent.DOUBT): LaneState.LEASED,
    (LaneState.LEASED, LaneEvent.END): LaneState.ENDED,
    (LaneState.FENCED, LaneEvent.FENCE): LaneState.FENCED,
    (LaneState.FENCED, LaneEvent.LOCATE): LaneState.RECOVERED,
    (LaneState.FENCED, LaneEvent.DOUBT): LaneState.FENCED,
    (LaneState.FENCED, LaneEvent.END): LaneState.ENDED,
    (LaneState.RECOVERED, LaneEvent.DOUBT): LaneState.DOUBTFUL,
    (LaneState.RECOVERED, LaneEvent.END): LaneState.ENDED,
    (LaneState.DOUBTFUL, LaneEvent.FENCE): LaneState.FENCED,
    (LaneState.DOUBTFUL, LaneEvent.DOUBT): LaneState.DOUBTFUL,
    (LaneState.DOUBTFUL, LaneEvent.END): LaneState.ENDED,
    (LaneState.ENDED, LaneEvent.END): LaneState.ENDED,
}


class LeaseLost(Exception):
    """Another aggregator may own the lane by now: nothing may be written for it any more."""


class OwnedLane:
    """What this aggregator knows of a lane that it holds. The only writer of its state; others read."""

    def __init__(self, lane: int, registered_at: float, held_until: float) -> None:
        self.lane = lane
        self.state = LaneState.LEASED
        self.registered_at = registered_at  # when Redis last named it; by Clock.monotonic, as the next
        self.held_until = held_until
        self.floor = 0  # no row of the lane has a higher seq
        self.settled = 0  # every seq up to it is in ClickHouse
        self._looked_again_at = -1  # `settled` when the lane was last taken over again because of a hole
        self._resend_requested_at = -1  # `settled` when the edge was last asked to send again

    @property
    def is_recovered(self) -> bool:
        return self.state is LaneState.RECOVERED

    @property
    def is_fenced(self) -> bool:
        """Whether this process was the last to write for the lane, and Redis is to say so."""
        return self.state in (LaneState.FENCED, LaneState.RECOVERED, LaneState.DOUBTFUL)

    def renew(self, held_until: float) -> None:
        self.held_until = held_until

    def register(self, now: float) -> None:
        self.registered_at = now

    def check_held(self, now: float) -> None:
        """Raises LeaseLost where the lease is over, or may be."""
        if self.state is LaneState.ENDED or self.held_until <= now:
            raise self._lost()

    def fence(self) -> None:
        self._on(LaneEvent.FENCE)

    def locate(self, floor: int, settled: int) -> None:
        """What the tables have is known now."""
        self._on(LaneEvent.LOCATE)
        self.floor, self.settled = floor, settled
        self._resend_requested_at = -1  # what was asked of Redis before the doubt may be lost

    def doubt(self) -> None:
        self._on(LaneEvent.DOUBT)

    def end(self) -> None:
        self._on(LaneEvent.END)

    def settled_after(self, spans: Iterable[Span]) -> int:
        """What `settled` will be when these spans, in the order of the stream, are in the tables."""
        settled = self.settled
        for span in spans:
            if span.lane == self.lane and span.first_seq <= settled + 1:
                settled = max(settled, span.last_seq)
        return settled

    def acknowledge(self, spans: Iterable[Span]) -> None:
        """These spans are in the tables and acknowledged."""
        spans = [span for span in spans if span.lane == self.lane]
        self.settled = self.settled_after(spans)
        self.floor = max(self.floor, *(span.last_seq for span in spans)) if spans else self.floor

    @property
    def has_hole(self) -> bool:
        """Clicks came while earlier ones of the lane did not."""
        return self.settled < self.floor

    def wants_second_look(self) -> bool:
        """Whether to take the lane over again because of a hole: another reader may have what is missing pending.

        True once for a hole.
        """
        if not self.has_hole or self._looked_again_at == self.settled:
            return False
        self._looked_again_at = self.settled
        return True

    def wants_resend(self) -> bool:
        """Whether to ask the edge to send again because of a hole.

        True once for a hole and takeover: an edge whose disk is gone cannot, and the audit goes on reporting it.
        """
        if not self.has_hole or self._resend_requested_at == self.settled:
            return False
        self._resend_requested_at = self.settled
        return True

    def _on(self, event: LaneEvent) -> None:
        after = TRANSITIONS.get((self.state, event))
        if after is None and self.state is LaneState.ENDED:
            raise self._lost()
        if after is None:
            raise RuntimeError(f"lane {lane_name(self.lane)}: {event.name} in {self.state.name}")
        self.state = after

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"lane {lane_name(self.lane)}")
