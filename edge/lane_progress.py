"""How far the clicks of a lane are: in the spool, in Redis, in ClickHouse. Pure but for the spool it looks at."""

from edge.spool import Spool
from runtime.age_estimate import OldestAge


class LaneProgress:
    """Every click up to `shipped` was accepted by Redis, every click up to `settled` is in ClickHouse."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.shipped = 0
        self.settled = 0
        self._last_in_redis = 0  # when it was located; after a power cut that may be more than the spool has
        self._oldest_waiting = OldestAge(spool.last_seq, spool.written_at_s)
        self._oldest_unsettled = OldestAge(spool.last_seq, spool.written_at_s)

    @property
    def spooled(self) -> int:
        """Last seq of the lane that is in the spool, or was and got further."""
        return max(self._spool.last_seq, self._last_in_redis, self.settled)

    def settle(self, watermark: int) -> None:
        self.settled = max(self.settled, watermark)

    def locate(self, last_in_redis: int) -> None:
        """Shipping goes on after what Redis has, or after what is in ClickHouse already."""
        self._last_in_redis = last_in_redis
        self.shipped = max(last_in_redis, self.settled)

    def ship(self, accepted: int) -> None:
        self.shipped = max(self.shipped, accepted)

    def sample(self, now_s: float) -> None:
        """For the ages; call it about once a second."""
        self._oldest_waiting.sample(self.shipped, self.spooled, now_s)
        self._oldest_unsettled.sample(self.settled, self.spooled, now_s)

    def waiting_s(self, now_s: float) -> float:
        """Age of the oldest click that is not in Redis, at most; 0 for none."""
        return self._oldest_waiting.seconds(self.shipped, self.spooled, now_s)

    def unsettled_s(self, now_s: float) -> float:
        """Age of the oldest click that is not known to be in ClickHouse, at most; 0 for none."""
        return self._oldest_unsettled.seconds(self.settled, self.spooled, now_s)
