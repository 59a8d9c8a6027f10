"""Writes rows into ClickHouse, each (lane, seq) exactly once, whatever the network and the server do.

One INSERT is one partition, one part, one atomic rename. After any doubt the table is asked which rows it has and
only the missing ones are inserted: the table is the truth, no token and no second store is.

What the network still holds when the table is asked could come afterwards. So every INSERT names the second before
which it takes effect (schema/003), by the server's clock and never beyond the leases of its lanes. What is missing is
inserted again once that second is over and KILL QUERY has waited for what the server let through before it; and who
takes a lane whose lease has lapsed knows that nothing of the former owner can still begin. A server clock that is set
back by more than is left of a deadline, or servers behind one address whose clocks are apart, undo this.
"""

import asyncio
import base64
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from aggregator.decode import DeadClick, Numbered, Span
from aggregator.rows import INSERT_CLICKS, by_partition
from aggregator.server_time import ServerTime
from records.click import LaneState
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.histogram import POWERS, Histogram

INSERT_WITHIN_S = 5.0  # until the server has read all of it; shorter than a lease, so that a doubt does not lose it
INSERT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LEAST_AT_ONCE = 1_000  # rows
# MEMORY_LIMIT_EXCEEDED, and what throwIf says (schema/003): the body did not arrive before its deadline. The same again
# would fare the same on a server or a network that is that slow.
_TOO_MUCH_AT_ONCE = frozenset({241, 395})

log = logging.getLogger(__name__)

_PRESENT = """
SELECT lane, seq FROM clicks WHERE {spans}
UNION ALL SELECT lane, seq FROM dead_clicks WHERE {spans}
"""
_REACHED = """
SELECT max(last) AS last_seq, sum(rows) AS rows FROM
(
    SELECT max(seq) AS last, count() AS rows FROM clicks WHERE lane = {lane:UInt64}
    UNION ALL SELECT max(seq) AS last, count() AS rows FROM dead_clicks WHERE lane = {lane:UInt64}
)
"""
_DISTINCT_UP_TO = """
SELECT uniqExact(seq) FROM
(
    SELECT seq FROM clicks WHERE lane = {lane:UInt64} AND seq <= {seq:UInt64}
    UNION ALL SELECT seq FROM dead_clicks WHERE lane = {lane:UInt64} AND seq <= {seq:UInt64}
)
"""
# The clicks for those who sent some before there was the table `begun`.
_BEGUN = "SELECT (SELECT count() FROM begun) + (SELECT count() FROM clicks) + (SELECT count() FROM dead_clicks) > 0"


class Identified(Protocol):
    @property
    def lane(self) -> int: ...

    @property
    def seq(self) -> int: ...


R = TypeVar("R", bound=Identified)


class _Present(msgspec.Struct, frozen=True):
    lane: int
    seq: int


class Reached(msgspec.Struct, frozen=True):
    """How far the table has a lane: its highest seq and its number of rows."""

    last_seq: int
    rows: int


class Writer:
    """owner: names this process in the ids of its queries, so that whoever takes over can end them."""

    def __init__(self, clickhouse: ClickHouse, owner: str, within_s: float = INSERT_WITHIN_S) -> None:
        self._clickhouse = clickhouse
        self._owner = owner
        self._within_s = within_s
        self._server_time = ServerTime(clickhouse)
        self._inserts = 0
        self._open_before = 0  # an INSERT whose outcome is not known may take effect until this second begins
        self.rows_inserted = 0
        self.dead_inserted = 0
        self.doubts = 0  # inserts whose outcome had to be looked up
        self.verifications = 0  # times the tables were asked which clicks they have
        self.insert_seconds = Histogram(INSERT_BUCKETS_S)
        self.insert_rows = Histogram(POWERS)

    async def insert_clicks(
        self,
        clicks: Sequence[Numbered],
        rows_of: Callable[[Sequence[Numbered], int], bytes],
        check_held: Callable[[set[int]], float],
    ) -> None:
        """Insert clicks that the table does not have, one INSERT a partition; returns when all are in.

        rows_of gives the body of an INSERT, from clicks and the second before which it takes effect; it is called in a
        thread, so that leases are renewed meanwhile.
        check_held is called with the lanes right before each INSERT leaves; it says until when they are held, by
        time.monotonic, and ends the work by raising.
        """

        async def insert(part: Sequence[Numbered], query_id: str, before: int) -> None:
            body = await asyncio.to_thread(rows_of, part, before)
            check_held({row.lane for row in part})  # again: that took a while
            await self._clickhouse.insert(INSERT_CLICKS, body, query_id=query_id)

        for partition in by_partition(clicks).values():
            await self._insert_exactly(partition, insert, check_held)
        self.rows_inserted += len(clicks)

    async def insert_dead(
        self, dead: Sequence[DeadClick], received_at_ms: int, check_held: Callable[[set[int]], float]
    ) -> None:
        """The same for clicks that did not decode."""

        async def insert(part: Sequence[DeadClick], query_id: str, before: int) -> None:
            rows = [
                {"lane": one.lane, "seq": one.seq, "reason": one.reason, "received_at": received_at_ms / 1000,
                 "payload": base64.b64encode(one.payload).decode(), "insert_before": before}
                for one in part
            ]  # fmt: skip
            columns = "(lane, seq, reason, received_at, payload, insert_before)"
            await self._clickhouse.insert_rows(f"dead_clicks {columns}", rows, query_id=query_id)

        if dead:
            await self._insert_exactly(dead, insert, check_held)
        self.dead_inserted += len(dead)

    async def _insert_exactly(
        self, rows: Sequence[R], insert: Callable[[Sequence[R], str, int], Any], check_held: Callable[[set[int]], float]
    ) -> None:
        lanes = {row.lane for row in rows}
        left, at_once = list(rows), len(rows)
        in_doubt: list[R] = []
        query_id, pause_s = "", 0.1
        while left:
            held_until = check_held(lanes)
            try:
                if in_doubt:
                    missing = await self._left_out(in_doubt, query_id)
                    left, in_doubt = missing + left[len(in_doubt) :], []
                    continue
                self._inserts += 1
                query_id = f"clicks:{self._owner}:{self._inserts}"
                before = await self._server_time.second_at(min(held_until, time.monotonic() + self._within_s))
                started = time.perf_counter()
                self._open_before = before
                await insert(left[:at_once], query_id, before)
                self._open_before = 0
                self.insert_seconds.observe(time.perf_counter() - started)
                self.insert_rows.observe(len(left[:at_once]))
                left = left[at_once:]
            except (ClickHouseRefused, ClickHouseUnreachable) as error:
                if not in_doubt:
                    in_doubt = left[:at_once]
                    self.doubts += 1
                    if isinstance(error, ClickHouseRefused) and error.code:
                        self._open_before = 0  # ClickHouse itself has answered: it is done with it
                        if error.code in _TOO_MUCH_AT_ONCE:
                            at_once = max(len(in_doubt) // 2, LEAST_AT_ONCE)
                log.warning(
                    "ClickHouse did not confirm an insert", extra={"rows": len(in_doubt), "error": str(error)[:300]}
                )
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause_s = min(pause_s * 2, 5.0)

    async def _left_out(self, rows: Sequence[R], query_id: str) -> list[R]:
        """Those that an unconfirmed INSERT has not brought in and will not."""
        await self.kill(query_id)
        left = await self.missing(rows)
        if left and self._open_before:
            await self.wait_out()
            await self.kill(query_id)  # waits for it, if it was let through in time
            left = await self.missing(left)
        return left

    async def wait_out(self) -> None:
        """Return when no INSERT of this process can begin to take effect any more."""
        if self._open_before:
            await self._server_time.wait_until(self._open_before)
            self._open_before = 0

    async def missing(self, rows: Sequence[R]) -> list[R]:
        """Those that neither table has."""
        present = await self.present(_spans_of(rows))
        return [row for row in rows if (row.lane, row.seq) not in present]

    async def present(self, spans: Iterable[Span]) -> set[tuple[int, int]]:
        """Which (lane, seq) of these spans the tables have."""
        condition = " OR ".join(
            f"(lane = {span.lane} AND seq BETWEEN {span.first_seq} AND {span.last_seq})" for span in spans
        )
        self.verifications += 1
        rows = await self._clickhouse.rows(_PRESENT.replace("{spans}", condition or "0"), _Present)
        return {(row.lane, row.seq) for row in rows}

    async def reached(self, lane: int) -> Reached:
        rows = await self._clickhouse.rows(_REACHED, Reached, lane=lane)
        return rows[0]

    async def has_begun(self) -> bool:
        """Whether any aggregator may ever have sent clicks to these tables."""
        return bool(await self._clickhouse.value(_BEGUN))

    async def begin(self) -> None:
        """Say so, before the first of them is sent."""
        await self._clickhouse.insert_rows("begun", [{"owner": self._owner}])

    async def settled(self, lane: int, reached: Reached, at_least: int) -> int:
        """The highest seq up to which the tables have every one; at_least: known from before."""
        if reached.rows == reached.last_seq:
            return reached.last_seq
        low, high = at_least, reached.last_seq  # all up to low are there; not all up to high + 1
        while low < high:
            middle = (low + high + 1) // 2
            if await self._clickhouse.value(_DISTINCT_UP_TO, lane=lane, seq=middle) == middle:
                low = middle
            else:
                high = middle - 1
        return low

    async def kill(self, query_id_prefix: str) -> None:
        """End the inserts whose id starts so, of those that have reached the server, and wait until they have ended."""
        pattern = query_id_prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        await self._clickhouse.execute(f"KILL QUERY WHERE query_id LIKE '{pattern}%' SYNC")

    async def end_lane(self, lane: int, state: LaneState) -> None:
        """Record that a lane is complete; repeated, it changes nothing."""
        row = {
            "lane": lane, "edge_id": state.edge_id, "last_seq": state.spooled, "ended_at": state.updated_at_ms / 1000,
        }  # fmt: skip
        await self._clickhouse.insert_rows("ended_lanes", [row])

    async def lose(self, lane: int, state: LaneState) -> None:
        """Record that a lane is over with fewer clicks than were answered; repeated, it changes nothing."""
        row = {
            "lane": lane, "edge_id": state.edge_id, "answered": state.answered, "arrived": state.spooled,
            "last_seen_at": state.updated_at_ms / 1000,
        }  # fmt: skip
        await self._clickhouse.insert_rows("lost_clicks", [row])


def _spans_of(rows: Sequence[R]) -> list[Span]:
    """One span a lane, around all its rows."""
    bounds: dict[int, tuple[int, int]] = {}
    for row in rows:
        first, last = bounds.get(row.lane, (row.seq, row.seq))
        bounds[row.lane] = (min(first, row.seq), max(last, row.seq))
    return [Span(lane, first, last) for lane, (first, last) in bounds.items()]
