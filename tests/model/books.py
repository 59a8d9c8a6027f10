"""What must hold at every moment, whatever happens."""

from records.click import Frame, frames_in
from tests.model.memory_clickhouse import MemoryClickHouse
from tests.model.memory_redis import MemoryRedis


class Violation(AssertionError):
    """A promise is broken."""


class Books:
    """Watches the stores: raises Violation at the step that breaks a promise."""

    def __init__(self, redis: MemoryRedis, clickhouse: MemoryClickHouse) -> None:
        self._redis, self._clickhouse = redis, clickhouse
        self.answered: dict[int, int] = {}  # by lane: its seqs are 1 to this
        redis.watcher = clickhouse.watcher = self

    def inserted(self, lane: int, seq: int, times: int) -> None:
        if times > 1:
            raise Violation(f"seq {seq} of lane {lane} is in the table {times} times")
        if not 1 <= seq <= self.answered.get(lane, 0):
            raise Violation(f"seq {seq} of lane {lane} was never answered")

    def acknowledged(self, lane: int, entry_id: int) -> None:
        self._check_present(lane, entry_id, "acknowledged")

    def trimmed(self, lane: int, entry_id: int) -> None:
        self._check_present(lane, entry_id, "trimmed")

    def published(self, lane: int, before: int, after: int) -> None:
        if after < before:
            raise Violation(f"the watermark of lane {lane} goes back from {before} to {after}")
        if after > (present := self._clickhouse.contiguous(lane)):
            raise Violation(f"the watermark of lane {lane} says {after}, the table has it up to {present}")

    def missing(self) -> dict[int, int]:
        """By lane, up to where the table has it, of those that it does not have whole."""
        found = {lane: self._clickhouse.contiguous(lane) for lane in self.answered}
        return {lane: seq for lane, seq in found.items() if seq < self.answered[lane]}

    def _check_present(self, lane: int, entry_id: int, done: str) -> None:
        data = self._redis.data.streams[lane].entries.get(entry_id)
        frames = [frame for frame in frames_in(data or b"") if isinstance(frame, Frame)]
        rows = self._clickhouse.rows[lane]
        for frame in frames:
            for seq in range(frame.first_seq, frame.last_seq + 1):
                if seq not in rows:
                    raise Violation(f"seq {seq} of lane {lane} is {done} and not in the table")
