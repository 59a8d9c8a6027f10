"""Inserts rows into ClickHouse, each (lane, seq) exactly once, whatever the network and the server do.

One INSERT is one partition, one part, one atomic rename. After any doubt the table is asked which rows it has and
only the missing ones are inserted: the table is the truth; there is no token and no second store.

An INSERT that is still in the network could take effect after the table was asked. So each carries a deadline
(schema/003): the second before which it takes effect, by the server's clock and never beyond the leases of its lanes.
Missing rows are inserted again once that second is over and KILL QUERY has waited for what the server let through
before it; and the next owner of a lane whose lease has lapsed knows that nothing of the former one can still begin.
Limits: a server clock set back by more than is left of a deadline, or servers behind one address with skewed clocks.
"""

import logging
import random
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import msgspec

from aggregator.decode import Span
from aggregator.insert_server import ServerTime
from aggregator.insertable import Identified, Insertable, R
from aggregator.leases import Leases
from aggregator.owned_lane import OwnedLane
from aggregator.stores import AggregatorStores
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from runtime.clock import Clock
from runtime.histogram import POWERS, Histogram

INSERT_WITHIN_S = 5.0  # until the server has read all of it; shorter than a lease, so that a doubt does not lose it
INSERT_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LEAST_AT_ONCE = 1_000  # rows
# MEMORY_LIMIT_EXCEEDED, and what throwIf says (schema/003): the body did not arrive before its deadline. The same again
# would fare the same on a server or a network that is that slow.
_TOO_MUCH_AT_ONCE = frozenset({241, 395})

log = logging.getLogger(__name__)


class Doubt(msgspec.Struct, frozen=True):
    """An INSERT that was not confirmed: it may have taken effect, or may still."""

    query_id: str
    error: Exception

    @property
    def is_too_much_at_once(self) -> bool:
        return isinstance(self.error, ClickHouseRefused) and self.error.code in _TOO_MUCH_AT_ONCE


class Inserter:
    """owner: names this process in the ids of its queries, so that the next owner of its lanes can end them."""

    def __init__(
        self, stores: AggregatorStores, leases: Leases, clock: Clock, owner: str, within_s: float = INSERT_WITHIN_S
    ) -> None:
        self._server, self._tables, self._leases = stores.inserts, stores.tables, leases
        self._clock, self._owner, self._within_s = clock, owner, within_s
        self._server_time = ServerTime(stores.inserts, clock)
        self._sent = 0
        self._open_until = 0  # an INSERT that was not confirmed may begin to take effect until this second; 0: none
        self.rows_inserted: Counter[str] = Counter()  # by table
        self.doubts = 0  # inserts whose outcome had to be looked up
        self.verifications = 0  # times that was done
        self.insert_seconds = Histogram(INSERT_BUCKETS_S)
        self.insert_rows = Histogram(POWERS)

    async def insert(self, batch: Insertable[R], lanes: Collection[OwnedLane]) -> None:
        """Insert rows that the tables do not have; returns when all of them are in, each once.

        lanes: those of the rows, as they were held when they were read. Outages are waited out. Raises LeaseLost as
        soon as a lease of theirs is lost.
        """
        missing: Sequence[R] = batch.rows
        at_once, pauses = len(missing), _pauses()
        while missing:
            part, rest = _split(missing, at_once)
            doubt = await self._send_once(batch if part is batch.rows else batch.only(part), lanes)
            if doubt is None:
                missing = rest
                continue
            if doubt.is_too_much_at_once:
                at_once = max(len(part) // 2, LEAST_AT_ONCE)
            missing = [*await self._not_inserted(part, lanes, doubt, pauses), *rest]
        self.rows_inserted[batch.table] += len(batch.rows)

    async def _send_once(self, part: Insertable[R], lanes: Collection[OwnedLane]) -> Doubt | None:
        """Send one INSERT; None when it is confirmed."""
        held_until = self._leases.held_until(lanes)
        self._sent += 1
        query_id = f"{query_prefix(self._owner)}{self._sent}"
        try:
            before = await self._server_time.second_at(min(held_until, self._clock.monotonic() + self._within_s))
            started = time.perf_counter()
            body = await part.body(before)
            self._leases.held_until(lanes)  # again: that took a while
            self._open_until = before
            await self._server.send(part.statement, body, query_id)
        except (ClickHouseRefused, ClickHouseUnreachable) as error:
            if (
                isinstance(error, ClickHouseRefused) and error.code
            ):  # ClickHouse itself has answered: it is done with it
                self._open_until = 0
            self.doubts += 1
            _log_doubt(part.rows, error)
            return Doubt(query_id, error)
        self._open_until = 0
        self.insert_seconds.observe(time.perf_counter() - started)
        self.insert_rows.observe(len(part.rows))
        return None

    async def _not_inserted(
        self, rows: Sequence[R], lanes: Collection[OwnedLane], doubt: Doubt, pauses: Iterator[float]
    ) -> Sequence[R]:
        """Those that an unconfirmed INSERT has not inserted and will not; asks until ClickHouse answers."""
        while True:
            await self._clock.sleep(next(pauses))
            self._leases.held_until(lanes)
            try:
                await self._server.kill(doubt.query_id)
                missing = await self._missing(rows)
                if missing and self._open_until:
                    await self.wait_out()
                    await self._server.kill(doubt.query_id)  # waits for it, if it was let through in time
                    missing = await self._missing(missing)
                return missing
            except (ClickHouseRefused, ClickHouseUnreachable) as error:
                _log_doubt(rows, error)

    async def wait_out(self) -> None:
        """Return when no INSERT of this process can begin to take effect any more."""
        if self._open_until:
            await self._server_time.wait_until(self._open_until)
            self._open_until = 0

    async def _missing(self, rows: Sequence[R]) -> list[R]:
        """Those that the tables do not have."""
        self.verifications += 1
        present = await self._tables.present(_spans_of(rows))
        return [row for row in rows if (row.lane, row.seq) not in present]


def query_prefix(owner: str) -> str:
    """How the ids of all INSERTs of an aggregator begin; of all aggregators where owner is empty."""
    return f"clicks:{owner}:" if owner else "clicks:"


def _split(rows: Sequence[R], at: int) -> tuple[Sequence[R], Sequence[R]]:
    """All of them as they are, where they are not more."""
    return (rows, []) if len(rows) <= at else (rows[:at], rows[at:])


def _pauses() -> Iterator[float]:
    pause_s = 0.1
    while True:
        yield pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        pause_s = min(pause_s * 2, 5.0)


def _log_doubt(rows: Sequence[Identified], error: Exception) -> None:
    log.warning(
        "insert_unconfirmed: ClickHouse did not confirm an insert; looking up its rows",
        extra={"rows": len(rows), "error": str(error)[:300]},
    )


def _spans_of(rows: Sequence[Identified]) -> list[Span]:
    """One span a lane, around all its rows."""
    bounds: dict[int, tuple[int, int]] = {}
    for row in rows:
        first, last = bounds.get(row.lane, (row.seq, row.seq))
        bounds[row.lane] = (min(first, row.seq), max(last, row.seq))
    return [Span(lane, first, last) for lane, (first, last) in bounds.items()]
