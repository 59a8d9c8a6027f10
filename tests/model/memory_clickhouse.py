"""What the click pipeline uses of ClickHouse, in memory: rows by (lane, seq), and INSERTs on their way to them."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from aggregator.decode import Span
from aggregator.stores import Extent


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What an INSERT carries."""

    before: int  # by the server's clock; 0: no deadline
    rows: list[tuple[int, int]]  # (lane, seq)


class Watcher(Protocol):
    def inserted(self, lane: int, seq: int, times: int) -> None: ...


class Insert:
    """An INSERT that has reached the server, was let through, and takes effect when it is finished."""

    def __init__(self, query_id: str, body: Body, ends_if_killed: bool) -> None:
        self.query_id, self.body = query_id, body
        self.ends_if_killed = ends_if_killed  # else it is finished before the KILL is answered
        self.is_over = False


class MemoryClickHouse:
    """now: its clock."""

    def __init__(self, now: Callable[[], float], watcher: Watcher | None = None) -> None:
        self.now, self.watcher = now, watcher
        self.rows: dict[int, dict[int, int]] = defaultdict(dict)  # lane -> seq -> how often
        self._contiguous: dict[int, int] = defaultdict(int)
        self.has_first_insert = False
        self.ended: dict[int, int] = {}
        self.lost: dict[int, int] = {}
        self.running: list[Insert] = []

    def begin(self, query_id: str, body: bytes, ends_if_killed: bool = False) -> Insert | None:
        """The body is there; None where it is too late."""
        decoded = msgspec.msgpack.decode(body, type=Body)
        if decoded.before and self.now() >= decoded.before:
            return None
        insert = Insert(query_id, decoded, ends_if_killed)
        self.running.append(insert)
        return insert

    def finish(self, insert: Insert) -> bool:
        """Whether it took effect, now or before."""
        if insert in self.running:
            self.running.remove(insert)
            insert.is_over = True
            self.add(insert.body.rows)
        return insert.is_over

    def kill(self, query_id_prefix: str) -> None:
        for insert in [each for each in self.running if each.query_id.startswith(query_id_prefix)]:
            if insert.ends_if_killed:
                self.running.remove(insert)
            else:
                self.finish(insert)

    def crash(self) -> None:
        self.running.clear()

    def add(self, rows: Iterable[tuple[int, int]]) -> None:
        for lane, seq in rows:
            of_lane = self.rows[lane]
            of_lane[seq] = of_lane.get(seq, 0) + 1
            while self._contiguous[lane] + 1 in of_lane:
                self._contiguous[lane] += 1
            if self.watcher:
                self.watcher.inserted(lane, seq, of_lane[seq])

    def contiguous(self, lane: int) -> int:
        return self._contiguous[lane]

    def present(self, spans: Iterable[Span]) -> set[tuple[int, int]]:
        return {
            (span.lane, seq) for span in spans for seq in self.rows[span.lane] if span.first_seq <= seq <= span.last_seq
        }

    def extent(self, lane: int) -> Extent:
        of_lane = self.rows[lane]
        return Extent(max(of_lane, default=0), sum(of_lane.values()))
