"""What an aggregator asks of the outside: one protocol for each thing, so that its decisions also run over memory.

Those of Redis raise redis.exceptions.RedisError, those of ClickHouse ClickHouseRefused or ClickHouseUnreachable. After
an error nobody knows whether the call took effect.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from aggregator.decode import Entry, Span
from records.lane_registry import LaneReport

NEW = ">"
PENDING = "0"


class Held(NamedTuple):
    """What a stream holds; nothing where there is none."""

    entries: int
    pending: int  # entries that were read and not acknowledged; such a one may be trimmed by now


class ClickStream(Protocol):
    """The streams of clicks, one a lane. One consumer for all: what a dead owner had read stays with the lane."""

    @property
    def has_more(self) -> bool:
        """A lane had as many new entries as were asked for: others wait behind them."""

    async def open(self, lanes: Iterable[int]) -> None:
        """Make sure the lanes' groups exist, where their streams do; everything in a stream is then delivered.

        Never makes a stream: its edge has to notice when it is gone.
        """

    async def read(self, lanes: list[int], which: str = NEW) -> tuple[list[Entry], list[int]]:
        """(entries in order, lanes that have no group: their stream is new, or it was lost and made again)."""

    async def ack(self, last_seqs: Mapping[int, list[int]], settled: Mapping[int, int]) -> None:
        """Acknowledge entries by lane, publish how far each lane is in the table, and trim what is behind."""

    async def publish(self, settled: Mapping[int, int]) -> None:
        """Say how far each lane is in the table, to edges that have not heard of it; never lowers it."""

    async def held(self, lanes: Iterable[int]) -> dict[int, Held]:
        """What the stream of each of these lanes holds."""

    async def reset(self, lane: int) -> None:
        """Make the edge send again all that is not settled: clicks are missing before some that came."""


class Registered(NamedTuple):
    """The lanes that edges have registered."""

    reports: dict[int, LaneReport]
    unreadable: int  # registrations that no edge wrote


class LeaseStore(Protocol):
    """What aggregators say to each other of lanes. Each instance speaks for one aggregator."""

    async def registered(self) -> Registered: ...

    async def hold(self, lanes: Mapping[int, bool]) -> list[bool]:
        """Renew these leases, or take those that nobody holds; False where another aggregator does.

        True beside a lane: this aggregator is the last that wrote for it, which Redis then says again.
        """

    async def release(self, lanes: Mapping[int, bool]) -> None:
        """End these leases where they are still held; True beside a lane: and nobody writes for it any more."""

    async def unleased(self, lanes: Iterable[int]) -> list[int]:
        """Those that nobody holds, at the moment of asking."""

    async def writers(self, lanes: Iterable[int]) -> list[str]:
        """Aggregators that were the last to write for any of these lanes and may still do, as far as Redis knows."""

    async def watermark(self, lane: int) -> int:
        """How far the lane is in the table, as last published; a hint, never too high."""

    async def forget(self, lane: int) -> None:
        """Take a lane that is over out of Redis; its registration last, so that a crash in between is repeated."""

    async def heartbeat(self) -> int:
        """Say that this aggregator lives; gives how many do."""

    async def withdraw(self) -> None:
        """Say that it does not live any more."""

    async def follow(self, error: Exception) -> None:
        """Where Redis refused because it is a replica now: connect to the one its name leads to."""


class Epoch(msgspec.Struct, frozen=True):
    """A run of Redis, and how long aggregators have known it."""

    text: bytes  # as Redis has it
    known_for_s: float  # by the clock of Redis; inf once it is confirmed

    @property
    def is_restart(self) -> bool:
        """Whether this Redis has what an earlier run of it knew: it was not emptied."""
        return self.text.endswith(b" restarted")

    @property
    def is_confirmed(self) -> bool:
        return self.known_for_s == float("inf")


class Epochs(Protocol):
    """Which run of Redis the aggregators know."""

    async def current(self) -> Epoch:
        """Since when this Redis, as it is, has been known; from now on if it was not."""

    async def confirm(self, epoch: Epoch) -> None:
        """Say that nobody inserts under a lease that this Redis lacks; not if it was lost again since that look."""


class Extent(msgspec.Struct, frozen=True):
    """How far the tables have a lane: its highest seq and its number of rows."""

    last_seq: int
    rows: int


class LaneTables(Protocol):
    """What the tables know of lanes; they are the truth."""

    async def present(self, spans: Iterable[Span]) -> set[tuple[int, int]]:
        """Which (lane, seq) of these spans the tables have."""

    async def extent(self, lane: int) -> Extent: ...

    async def contiguous_up_to(self, lane: int, extent: Extent, at_least: int) -> int:
        """The highest seq up to which the tables have every one; at_least: known from before."""

    async def has_first_insert(self) -> bool:
        """Whether any aggregator may ever have sent clicks to these tables."""

    async def mark_first_insert(self) -> None:
        """Say so, before the first of them is sent."""

    async def end_lane(self, lane: int, report: LaneReport) -> None:
        """Record that a lane is complete; repeated, it changes nothing."""

    async def record_loss(self, lane: int, report: LaneReport) -> None:
        """Record that a lane is over with fewer clicks than were answered; repeated, it changes nothing."""


class InsertServer(Protocol):
    """The server that INSERTs are sent to."""

    async def send(self, statement: str, body: bytes, query_id: str) -> None:
        """One INSERT: all of its rows or none."""

    async def kill(self, query_id_prefix: str) -> None:
        """End the INSERTs whose id begins so, of those that have reached the server, and wait until they have ended."""

    async def now_s(self) -> float:
        """Unix time by the server's clock, with which it compares the deadline of an INSERT."""


class AggregatorStores(NamedTuple):
    """Everything that one aggregator asks."""

    stream: ClickStream
    leases: LeaseStore
    epochs: Epochs
    tables: LaneTables
    inserts: InsertServer
