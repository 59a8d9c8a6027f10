"""The stores of an aggregator and the wire of an edge, over memory. Every call leaves through a Line."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import hiredis
import msgspec

from aggregator.decode import Batch, Entry, Span
from aggregator.insertable import Identified, Insertable
from aggregator.leases import LEASE_S
from aggregator.stores import NEW, AggregatorStores, Epoch, Extent, Held, Registered
from records.lane_registry import LaneReport, reports_in
from runtime.clickhouse import ClickHouseRefused
from tests.model.memory_clickhouse import Body, MemoryClickHouse
from tests.model.memory_redis import MemoryRedis

Step = Callable[[], Any]


class Line(Protocol):
    """What lies between a process and a store."""

    async def call(self, *steps: Step) -> list[Any]:
        """Steps that the store takes one after the other, and what they give; each is one command."""

    async def insert(self, query_id: str, body: bytes) -> None: ...


class ClearLine:
    """Every call arrives, at once."""

    def __init__(self, clickhouse: MemoryClickHouse | None = None) -> None:
        self._clickhouse = clickhouse

    async def call(self, *steps: Step) -> list[Any]:
        return [step() for step in steps]

    async def insert(self, query_id: str, body: bytes) -> None:
        assert self._clickhouse is not None
        if (insert := self._clickhouse.begin(query_id, body)) is None:
            raise ClickHouseRefused(395, "too late")
        self._clickhouse.finish(insert)


class MemoryClickStream:
    def __init__(self, redis: MemoryRedis, line: Line, at_once: int = 256) -> None:
        self._redis, self._line, self._at_once = redis, line, at_once
        self.has_more = False

    async def open(self, lanes: Iterable[int]) -> None:
        await self._line.call(*(_step(self._redis.open, lane) for lane in lanes))

    async def read(self, lanes: list[int], which: str = NEW) -> tuple[list[Entry], list[int]]:
        count = max(1, self._at_once // max(len(lanes), 1))
        answers = await self._line.call(*(_step(self._redis.read, lane, which, count) for lane in lanes))
        read = dict(zip(lanes, answers, strict=True))
        entries = [Entry(lane, entry_id, data) for lane in lanes for entry_id, data in read[lane] or []]
        if which == NEW:
            self.has_more = max(Counter(entry.lane for entry in entries).values(), default=0) >= count
        return entries, [lane for lane in lanes if read[lane] is None]

    async def ack(self, last_seqs: Mapping[int, list[int]], settled: Mapping[int, int]) -> None:
        await self._line.call(
            *(_step(self._redis.ack, lane, seqs) for lane, seqs in last_seqs.items()),
            *(_step(self._redis.raise_watermark, lane, seq) for lane, seq in settled.items()),
            *(_step(self._redis.trim_acknowledged, lane, max(seqs)) for lane, seqs in last_seqs.items()),
        )

    async def publish(self, settled: Mapping[int, int]) -> None:
        if settled:
            await self._line.call(*(_step(self._redis.raise_watermark, lane, seq) for lane, seq in settled.items()))

    async def held(self, lanes: Iterable[int]) -> dict[int, Held]:
        lanes = list(lanes)
        answers = await self._line.call(*(_step(self._redis.held, lane) for lane in lanes))
        return {lane: Held(*answer) for lane, answer in zip(lanes, answers, strict=True)}

    async def reset(self, lane: int) -> None:
        await self._line.call(_step(self._redis.delete, lane))

    async def trim_to(self, lane: int, entries: int) -> None:
        """What no aggregator asks, but a weaker one does."""
        await self._line.call(_step(self._redis.trim_to, lane, entries))


class MemoryLeaseStore:
    def __init__(self, redis: MemoryRedis, line: Line, owner: str, lease_s: float = LEASE_S) -> None:
        self._redis, self._line, self._owner, self._lease_s = redis, line, owner, lease_s

    async def registered(self) -> Registered:
        (fields,) = await self._line.call(lambda: dict(self._redis.data.lanes))
        reports = reports_in(fields)
        return Registered(reports, len(fields) - len(reports))

    async def hold(self, lanes: Mapping[int, bool]) -> list[bool]:
        hold, owner, lease_s = self._redis.hold, self._owner, self._lease_s
        return await self._line.call(
            *(_step(hold, lane, owner, lease_s, is_writer) for lane, is_writer in lanes.items())
        )

    async def release(self, lanes: Mapping[int, bool]) -> None:
        release, owner = self._redis.release, self._owner
        await self._line.call(*(_step(release, lane, owner, is_at_rest) for lane, is_at_rest in lanes.items()))

    async def unleased(self, lanes: Iterable[int]) -> list[int]:
        lanes = list(lanes)
        answers = await self._line.call(*(_step(self._redis.is_held, lane) for lane in lanes))
        return [lane for lane, is_held in zip(lanes, answers, strict=True) if not is_held]

    async def writers(self, lanes: Iterable[int]) -> list[str]:
        lanes = list(lanes)
        (found,) = await self._line.call(lambda: {self._redis.data.writers.get(lane, "") for lane in lanes})
        return sorted(found - {""})

    async def watermark(self, lane: int) -> int:
        (seq,) = await self._line.call(lambda: self._redis.data.watermarks.get(lane, 0))
        return int(seq)

    async def forget(self, lane: int) -> None:
        await self._line.call(_step(self._redis.forget, lane))

    async def heartbeat(self) -> int:
        (alive,) = await self._line.call(_step(self._redis.heartbeat, self._owner, self._lease_s))
        return int(alive)

    async def withdraw(self) -> None:
        await self._line.call(lambda: self._redis.data.heartbeats.pop(self._owner, None))

    async def follow(self, error: Exception) -> None:
        """A line leads to the Redis that there is."""


class MemoryEpochs:
    def __init__(self, redis: MemoryRedis, line: Line, owner: str) -> None:
        self._redis, self._line, self._owner = redis, line, owner

    async def current(self) -> Epoch:
        ((text, known_for_s),) = await self._line.call(_step(self._redis.current_epoch, self._owner))
        return Epoch(text.encode(), known_for_s)

    async def confirm(self, epoch: Epoch) -> None:
        await self._line.call(_step(self._redis.confirm_epoch, epoch.text.decode()))


class MemoryLaneTables:
    def __init__(self, clickhouse: MemoryClickHouse, line: Line) -> None:
        self._clickhouse, self._line = clickhouse, line

    async def present(self, spans: Iterable[Span]) -> set[tuple[int, int]]:
        spans = list(spans)
        (found,) = await self._line.call(_step(self._clickhouse.present, spans))
        return set(found)

    async def extent(self, lane: int) -> Extent:
        (extent,) = await self._line.call(_step(self._clickhouse.extent, lane))
        assert isinstance(extent, Extent)
        return extent

    async def contiguous_up_to(self, lane: int, extent: Extent, at_least: int) -> int:
        (seq,) = await self._line.call(_step(self._clickhouse.contiguous, lane))
        return min(int(seq), extent.last_seq)

    async def has_first_insert(self) -> bool:
        (has,) = await self._line.call(lambda: self._clickhouse.has_first_insert or any(self._clickhouse.rows.values()))
        return bool(has)

    async def mark_first_insert(self) -> None:
        await self._line.call(lambda: setattr(self._clickhouse, "has_first_insert", True))

    async def end_lane(self, lane: int, report: LaneReport) -> None:
        await self._line.call(lambda: self._clickhouse.ended.update({lane: report.spooled}))

    async def record_loss(self, lane: int, report: LaneReport) -> None:
        await self._line.call(lambda: self._clickhouse.lost.update({lane: report.answered - report.spooled}))


class MemoryInsertServer:
    def __init__(self, clickhouse: MemoryClickHouse, line: Line) -> None:
        self._clickhouse, self._line = clickhouse, line

    async def send(self, statement: str, body: bytes, query_id: str) -> None:
        await self._line.insert(query_id, body)

    async def kill(self, query_id_prefix: str) -> None:
        await self._line.call(_step(self._clickhouse.kill, query_id_prefix))

    async def now_s(self) -> float:
        (now_s,) = await self._line.call(self._clickhouse.now)
        return float(now_s)


class IdentityRows:
    """Rows that are their identity alone."""

    table = "clicks"
    statement = ""

    def __init__(self, rows: Sequence[Identified]) -> None:
        self.rows = rows

    def only(self, rows: Sequence[Identified]) -> "IdentityRows":
        return IdentityRows(rows)

    async def body(self, before: int) -> bytes:
        await asyncio.sleep(0.01)
        return msgspec.msgpack.encode(Body(before, [(row.lane, row.seq) for row in self.rows]))


class IdentityRowMaker:
    """Two partitions, as at a month's end; clicks of one stream entry are in both."""

    async def rows_of(self, batch: Batch, received_at_ms: int) -> list[Insertable[Any]]:
        halves = ([click for click in batch.clicks if click.seq % 2 == odd] for odd in (1, 0))
        return [IdentityRows(rows) for rows in (*halves, batch.dead) if rows]


class MemoryWire:
    """The connection of an edge."""

    def __init__(self, redis: MemoryRedis, line: Line) -> None:
        self._redis, self._line = redis, line
        self.connects = 1

    async def batch(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        return await self._line.call(*(_step(self._redis.command, *command) for command in commands))

    async def call(self, *command: Any) -> Any:
        (reply,) = await self.batch([command])
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply

    def drop(self) -> None:
        """A line leads to the Redis that there is."""


def stores_over(
    redis: MemoryRedis, clickhouse: MemoryClickHouse, owner: str, redis_line: Line, clickhouse_line: Line, at_once: int
) -> AggregatorStores:
    return AggregatorStores(
        MemoryClickStream(redis, redis_line, at_once),
        MemoryLeaseStore(redis, redis_line, owner),
        MemoryEpochs(redis, redis_line, owner),
        MemoryLaneTables(clickhouse, clickhouse_line),
        MemoryInsertServer(clickhouse, clickhouse_line),
    )


def _step(function: Callable[..., Any], *arguments: Any) -> Step:
    return lambda: function(*arguments)
