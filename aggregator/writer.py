"""Writes rows into ClickHouse, each (lane, seq) exactly once, whatever the network and the server do.

One INSERT is one partition, one part, one atomic rename. After any doubt the table is asked which rows it has and
only the missing ones are inserted: the table is the truth, no token and no second store is.
"""

import asyncio
import base64
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from aggregator.decode import DeadClick, Span
from aggregator.rows import INSERT_CLICKS, arrow_stream, by_partition
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

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

    def __init__(self, clickhouse: ClickHouse, owner: str) -> None:
        self._clickhouse = clickhouse
        self._owner = owner
        self._inserts = 0
        self.rows_inserted = 0
        self.dead_inserted = 0
        self.doubts = 0  # inserts whose outcome had to be looked up
        self.insert_seconds = 0.0

    async def insert_clicks(self, rows: Sequence[Any], check_held: Callable[[set[int]], None]) -> None:
        """Insert rows that the table does not have, one INSERT a partition; returns when all are in.

        check_held is called with the lanes right before each INSERT leaves and ends the work by raising.
        """
        for partition in by_partition(rows).values():

            async def insert(part: Sequence[Any], query_id: str) -> None:
                body = await asyncio.to_thread(arrow_stream, part)
                check_held({row.lane for row in part})  # again: that took a while
                await self._clickhouse.insert(INSERT_CLICKS, body, query_id=query_id)

            await self._insert_exactly(partition, insert, check_held)
        self.rows_inserted += len(rows)

    async def insert_dead(
        self, dead: Sequence[DeadClick], received_at_ms: int, check_held: Callable[[set[int]], None]
    ) -> None:
        """The same for clicks that did not decode."""

        async def insert(part: Sequence[DeadClick], query_id: str) -> None:
            rows = [
                {"lane": one.lane, "seq": one.seq, "reason": one.reason, "received_at": received_at_ms / 1000,
                 "payload": base64.b64encode(one.payload).decode()}
                for one in part
            ]  # fmt: skip
            await self._clickhouse.insert_rows("dead_clicks", rows, query_id=query_id)

        if dead:
            await self._insert_exactly(dead, insert, check_held)
        self.dead_inserted += len(dead)

    async def _insert_exactly(
        self, rows: Sequence[R], insert: Callable[[Sequence[R], str], Any], check_held: Callable[[set[int]], None]
    ) -> None:
        lanes = {row.lane for row in rows}
        doubtful, pause_s = "", 0.1
        while rows:
            check_held(lanes)
            try:
                if doubtful:
                    await self.kill(doubtful)
                    rows = await self.missing(rows)
                    doubtful = ""
                    continue
                self._inserts += 1
                query_id = f"clicks:{self._owner}:{self._inserts}"
                started = time.perf_counter()
                await insert(rows, query_id)
                self.insert_seconds += time.perf_counter() - started
                return
            except (ClickHouseRefused, ClickHouseUnreachable) as error:
                if not doubtful:
                    doubtful = query_id
                    self.doubts += 1
                log.warning(
                    "ClickHouse did not confirm an insert", extra={"rows": len(rows), "error": str(error)[:300]}
                )
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause_s = min(pause_s * 2, 5.0)

    async def missing(self, rows: Sequence[R]) -> list[R]:
        """Those that neither table has."""
        present = await self.present(_spans_of(rows))
        return [row for row in rows if (row.lane, row.seq) not in present]

    async def present(self, spans: Iterable[Span]) -> set[tuple[int, int]]:
        """Which (lane, seq) of these spans the tables have."""
        condition = " OR ".join(
            f"(lane = {span.lane} AND seq BETWEEN {span.first_seq} AND {span.last_seq})" for span in spans
        )
        rows = await self._clickhouse.rows(_PRESENT.replace("{spans}", condition or "0"), _Present)
        return {(row.lane, row.seq) for row in rows}

    async def reached(self, lane: int) -> Reached:
        rows = await self._clickhouse.rows(_REACHED, Reached, lane=lane)
        return rows[0]

    async def have_rows(self, lanes: list[int]) -> bool:
        """Whether clicks of any of these lanes are in the table."""
        sql = "SELECT count() FROM clicks WHERE lane IN ({lanes:Array(UInt64)})"
        return bool(await self._clickhouse.value(sql, lanes=lanes))

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
        """End the inserts whose id starts so, and wait until they have ended: none of them commits afterwards."""
        pattern = query_id_prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        await self._clickhouse.execute(f"KILL QUERY WHERE query_id LIKE '{pattern}%' SYNC")

    async def end_lane(self, lane: int, edge_id: str, last_seq: int, ended_at_ms: int) -> None:
        """Record that a lane is complete; repeated, it changes nothing."""
        row = {"lane": lane, "edge_id": edge_id, "last_seq": last_seq, "ended_at": ended_at_ms / 1000}
        await self._clickhouse.insert_rows("ended_lanes", [row])


def _spans_of(rows: Sequence[R]) -> list[Span]:
    """One span a lane, around all its rows."""
    bounds: dict[int, tuple[int, int]] = {}
    for row in rows:
        first, last = bounds.get(row.lane, (row.seq, row.seq))
        bounds[row.lane] = (min(first, row.seq), max(last, row.seq))
    return [Span(lane, first, last) for lane, (first, last) in bounds.items()]
