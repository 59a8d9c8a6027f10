"""How much of a lane is in Redis and not yet in ClickHouse, against what may be. Pure."""

from collections import deque

from edge.stream_quota import MOST_BYTES


class UnsettledWindow:
    """Beyond its quota, clicks wait on the disk."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int]] = deque()  # (last seq, bytes) of each, in order
        self.bytes = 0
        self.quota_bytes = MOST_BYTES

    @property
    def has_room(self) -> bool:
        return self.bytes < self.quota_bytes

    def add(self, last_seq: int, size: int) -> None:
        """An entry of `size` bytes is on its way to Redis."""
        self._entries.append((last_seq, size))
        self.bytes += size

    def settle(self, seq: int) -> None:
        """All clicks up to `seq` are in ClickHouse."""
        while self._entries and self._entries[0][0] <= seq:
            self.bytes -= self._entries.popleft()[1]

    def clear(self) -> None:
        self._entries.clear()
        self.bytes = 0
