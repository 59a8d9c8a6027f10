"""What waits in the streams of the lanes this aggregator owns, as of its last look. Pure."""

from collections.abc import Mapping

from aggregator.owned_lane import OwnedLane
from records.lane_registry import LaneReport
from runtime.age_estimate import OldestAge


class Backlog:
    def __init__(self) -> None:
        self.entries = 0
        self.clicks = 0
        self._ages: dict[int, tuple[OldestAge, int, int]] = {}  # by lane, with what is settled and what was shipped

    def sample(
        self, entries: int, owned: Mapping[int, OwnedLane], reports: Mapping[int, LaneReport], now_s: float
    ) -> None:
        """entries: of their streams, not yet acknowledged; now_s: Unix time."""
        ages = {}
        for lane in owned:
            settled = owned[lane].settled
            shipped = reports[lane].shipped if lane in reports else settled
            age = self._ages[lane][0] if lane in self._ages else OldestAge(settled, now_s)
            age.sample(settled, shipped, now_s)
            ages[lane] = age, settled, shipped
        self._ages = ages
        self.entries = entries
        self.clicks = sum(max(shipped - settled, 0) for _, settled, shipped in ages.values())

    def seconds(self, now_s: float) -> float:
        """How long the oldest click has waited since this process owns its lane, at most."""
        return max((age.seconds(settled, shipped, now_s) for age, settled, shipped in self._ages.values()), default=0.0)
