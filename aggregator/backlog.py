"""What waits in the streams of the lanes this aggregator owns, as of its last look. Pure."""

from collections.abc import Mapping

from aggregator.leases import OwnedLane
from records.click import LaneState
from runtime.age_estimate import Lag


class Backlog:
    def __init__(self) -> None:
        self.entries = 0
        self.clicks = 0
        self._lags: dict[int, tuple[Lag, int, int]] = {}  # by lane, with what is settled and what was shipped

    def look(self, entries: int, owned: Mapping[int, OwnedLane], states: Mapping[int, LaneState], now_s: float) -> None:
        """entries: of their streams, not yet acknowledged; now_s: Unix time."""
        lags = {}
        for lane, one in owned.items():
            shipped = states[lane].shipped if lane in states else one.settled
            lag = self._lags[lane][0] if lane in self._lags else Lag(one.settled, now_s)
            lag.look(one.settled, shipped, now_s)
            lags[lane] = lag, one.settled, shipped
        self._lags = lags
        self.entries = entries
        self.clicks = sum(max(shipped - settled, 0) for _, settled, shipped in lags.values())

    def seconds(self, now_s: float) -> float:
        """How long the oldest click has waited since this process owns its lane, at most."""
        return max((lag.seconds(settled, shipped, now_s) for lag, settled, shipped in self._lags.values()), default=0.0)
