"""A world in memory: edges, a Redis, aggregators and a ClickHouse that run the real code, and all that can go wrong.

Every act is one choice of what happens next. Nothing happens by itself, so a list of acts is one interleaving, and the
same list is the same interleaving again.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError

from aggregator.assembly import Aggregator
from aggregator.stores import AggregatorStores
from edge.lane_runner import LaneRunner
from edge.recorder import Recorder
from edge.redis_wire import RedisUnavailable
from edge.spool import Spool
from edge.tap import Answered
from records.address import AddressCipher
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from tests.model.books import Books, Violation
from tests.model.loop import LoopClock, ManualLoop, Process
from tests.model.memory_clickhouse import Insert, MemoryClickHouse
from tests.model.memory_redis import Data, MemoryRedis
from tests.model.memory_stores import IdentityRowMaker, MemoryWire, Step, stores_over
from tests.support.answered import ANSWERED

BEGIN_S = 1_000_000.0
CLICKHOUSE_AHEAD_S = 1234.5  # its clock; deadlines are by it
SETTLED_WITHIN_S = 90.0
REFUSALS = (0, 241, 252)  # an answer that is not ClickHouse's own; too much at once; another
AT_ONCE = (1, 4)  # entries of a read: an aggregator of one reads ahead wherever there are two
PAUSES_S = (0.3, 1.1, 2.5, 6.0, 9.0)  # shorter and longer than a round, a renewal, a deadline, a lease

FAULTS = (
    *("take_a_step", "fail", "lose_the_answer", "delay", "arrive", "begin_insert", "refuse_insert"),
    *("kill_clickhouse", "kill_aggregator", "kill_edge", "stop_aggregator", "drain_edge", "freeze"),
    *("start_edge", "start_aggregator", "flush_redis", "copy_redis", "promote_replica"),
)

Weaken = Callable[[AggregatorStores], AggregatorStores]


class Call:
    """What a process has sent and waits for. Its steps are taken one after the other, or never."""

    def __init__(self, process: Process, steps: tuple[Step, ...], future: "asyncio.Future[Any]") -> None:
        self.process, self.steps, self.future = process, steps, future
        self.results: list[Any] = []

    def take(self, steps: int | None = None) -> None:
        for step in self.steps[len(self.results) :][:steps]:
            self.results.append(step())

    def answer(self) -> None:
        self.take()
        self.future.set_result(self.results)


class InsertCall:
    """An INSERT that a process has sent and waits for."""

    def __init__(
        self, process: Process, clickhouse: MemoryClickHouse, query_id: str, body: bytes, future: "asyncio.Future[Any]"
    ) -> None:
        self.process, self.future = process, future
        self._clickhouse, self._query_id, self._body = clickhouse, query_id, body
        self._begun: Insert | None = None
        self._is_late = False

    def begin(self, ends_if_killed: bool) -> None:
        """It has reached the server."""
        if self._begun is None and not self._is_late:
            self._begun = self._clickhouse.begin(self._query_id, self._body, ends_if_killed)
            self._is_late = self._begun is None

    def take(self, _: int | None = None) -> bool:
        """It takes effect, if it still can."""
        self.begin(ends_if_killed=False)
        return self._begun is not None and self._clickhouse.finish(self._begun)

    def answer(self) -> None:
        if self.take():
            self.future.set_result(None)
        else:
            self.future.set_exception(ClickHouseRefused(395 if self._is_late else 394, "too late, or killed"))


class Line:
    """What lies between a process and a store: its calls wait in `waiting` until the world goes on with them."""

    def __init__(self, world: "World", process: Process, waiting: list[Any]) -> None:
        self._world, self._process, self._waiting = world, process, waiting

    async def call(self, *steps: Step) -> list[Any]:
        if not steps:
            return []
        call = Call(self._process, steps, self._world.loop.create_future())
        self._waiting.append(call)
        return list(await self._answer(call))

    async def insert(self, query_id: str, body: bytes) -> None:
        call = InsertCall(self._process, self._world.clickhouse, query_id, body, self._world.loop.create_future())
        self._waiting.append(call)
        await self._answer(call)

    async def _answer(self, call: "Call | InsertCall") -> Any:
        try:
            return await call.future
        except asyncio.CancelledError:  # its connection is given up, and what was sent may still arrive
            if call in self._waiting:
                self._waiting.remove(call)
                self._world.late.append(call)
            raise


class AggregatorProcess(Process):
    def __init__(self, world: "World", name: str, weaken: Weaken) -> None:
        super().__init__(name)
        redis_line, clickhouse_line = Line(world, self, world.at_redis), Line(world, self, world.at_clickhouse)
        at_once = AT_ONCE[world.started % len(AT_ONCE)]
        stores = stores_over(world.redis, world.clickhouse, name, redis_line, clickhouse_line, at_once)
        self.aggregator = Aggregator(weaken(stores), IdentityRowMaker(), LoopClock(world.loop), name)
        world.loop.start(self, self.aggregator.pipeline.run(), world.ended)
        world.loop.start(self, self.aggregator.leases.keep_renewing())


class EdgeProcess(Process):
    def __init__(self, world: "World", name: str, lane: int) -> None:
        super().__init__(name)
        self.lane = lane
        self.spool = Spool.create(world.folder, lane)
        news = asyncio.Event()
        self.recorder = Recorder(self.spool, AddressCipher(bytes(16)), name, on_spooled=news.set)
        self.wire = MemoryWire(world.redis, Line(world, self, world.at_redis))
        wire: Any = self.wire
        self.lanes = LaneRunner(wire, world.folder, self.spool, self.recorder, name, news)
        self.is_draining = False
        world.loop.start(self, self.lanes.run())

    def tap(self, taps: list[Answered], now_ms: int) -> None:
        self.recorder.record(taps, now_ms)

    def die(self) -> None:
        self.is_dead = True
        self.spool.close()
        for shipper in self.lanes.shippers():
            shipper.lane.spool.close()


class World:
    """weaken: what an aggregator has in place of its stores."""

    def __init__(self, folder: Path, weaken: Weaken = lambda stores: stores) -> None:
        self.folder, self._weaken = folder, weaken
        self.loop = ManualLoop(BEGIN_S)
        self.clickhouse = MemoryClickHouse(lambda: self.loop.now + CLICKHOUSE_AHEAD_S)
        self.redis = MemoryRedis(lambda: self.loop.now)
        self.books = Books(self.redis, self.clickhouse)
        self.at_redis: list[Call] = []
        self.at_clickhouse: list[Call | InsertCall] = []
        self.late: list[Call | InsertCall] = []  # nobody waits for them any more; they may still arrive
        self.edges: list[EdgeProcess] = []
        self.aggregators: list[AggregatorProcess] = []
        self._replica: Data | None = None
        self.started = 0

    # Acts. n chooses among what can be chosen; where nothing can be, nothing happens.

    def start_edge(self, n: int = 0) -> None:
        if len(self.edges) < 2:
            self.started += 1
            self.edges.append(EdgeProcess(self, f"edge-{self.started}", self.started))
            self.loop.run_ready()

    def start_aggregator(self, n: int = 0) -> None:
        if len(self.aggregators) < 2:
            self.started += 1
            self.aggregators.append(AggregatorProcess(self, f"aggregator-{self.started}", self._weaken))
            self.loop.run_ready()

    def tap(self, n: int) -> None:
        """One tick of an edge with some clicks."""
        if edge := _chosen([edge for edge in self.edges if edge.runs and not edge.is_draining], n):
            edge.tap([ANSWERED] * (n // 2 % 3 + 1), int(self.loop.now * 1000))
            self.books.answered[edge.lane] = edge.recorder.answered
            self.loop.run_ready()

    def go(self, n: int = 0) -> None:
        """Some calls are answered in the order they were sent; time passes where nobody waits for an answer."""
        for _ in range(n + 1):
            self._go_on()

    def answer(self, n: int) -> None:
        """A call is answered, others sent before it are not."""
        if call := _chosen([*self.at_redis, *self.at_clickhouse], n):
            self._take_out(call)
            call.answer()
            self.loop.run_ready()

    def pass_time(self, n: int) -> None:
        """As when everything hangs but the clocks."""
        self.loop.advance(PAUSES_S[n % len(PAUSES_S)])
        self.loop.run_ready()

    def take_a_step(self, n: int) -> None:
        """The first command of some sent together takes effect; the others still wait."""
        if call := _chosen([*self.at_redis, *self.at_clickhouse], n):
            call.take(1)

    def fail(self, n: int) -> None:
        """A call gets an error, as far as it got."""
        self._break(_chosen([*self.at_redis, *self.at_clickhouse], n))

    def lose_the_answer(self, n: int) -> None:
        """A call takes effect, and gets an error."""
        if call := _chosen([*self.at_redis, *self.at_clickhouse], n):
            call.take()
            self._break(call)

    def delay(self, n: int) -> None:
        """A call gets an error, and may take effect later."""
        if call := _chosen([*self.at_redis, *self.at_clickhouse], n):
            self.late.append(call)
            self._break(call)

    def arrive(self, n: int) -> None:
        """What was delayed takes effect."""
        if call := _chosen(self.late, n):
            self.late.remove(call)
            call.take()

    def begin_insert(self, n: int) -> None:
        """An INSERT is let through, and takes its time."""
        inserts = [call for call in (*self.at_clickhouse, *self.late) if isinstance(call, InsertCall)]
        if insert := _chosen(inserts, n // 2):
            insert.begin(ends_if_killed=n % 2 == 0)

    def refuse_insert(self, n: int) -> None:
        """ClickHouse, or something before it, says no."""
        if insert := _chosen([call for call in self.at_clickhouse if isinstance(call, InsertCall)], n // 3):
            self._break(insert, ClickHouseRefused(REFUSALS[n % 3], "refused"))

    def kill_clickhouse(self, n: int = 0) -> None:
        self.clickhouse.crash()
        for call in list(self.at_clickhouse):
            self._break(call)

    def kill_aggregator(self, n: int) -> None:
        if aggregator := _chosen(self.aggregators, n):
            aggregator.is_dead = True
            self.aggregators.remove(aggregator)
            self._orphan(aggregator)

    def kill_edge(self, n: int) -> None:
        if edge := _chosen(self.edges, n):
            edge.die()
            self.edges.remove(edge)
            self._orphan(edge)

    def stop_aggregator(self, n: int) -> None:
        """SIGTERM."""
        if aggregator := _chosen(self.aggregators, n):
            aggregator.aggregator.stop()
            self.loop.run_ready()

    def drain_edge(self, n: int) -> None:
        """SIGTERM: it ends its lane when all is in ClickHouse."""
        if edge := _chosen([edge for edge in self.edges if edge.runs and not edge.is_draining], n):
            edge.is_draining = True
            self.loop.start(edge, edge.lanes.drain(60.0), self.ended)
            self.loop.run_ready()

    def freeze(self, n: int) -> None:
        """SIGSTOP, or SIGCONT."""
        if process := _chosen([*self.aggregators, *self.edges], n):
            process.is_stopped = not process.is_stopped
            self.loop.run_ready()

    def flush_redis(self, n: int = 0) -> None:
        self.redis.flush()

    def copy_redis(self, n: int = 0) -> None:
        """A replica has all of it up to now."""
        self._replica = self.redis.data.copy()

    def promote_replica(self, n: int = 0) -> None:
        """Redis is gone; a replica without the latest writes takes its place, or an empty one."""
        self.redis.restart_with(self._replica.copy() if self._replica else Data())
        for call in list(self.at_redis):
            self._break(call)
        for edge in self.edges:
            edge.wire.connects += 1
        self.late = [call for call in self.late if isinstance(call, InsertCall)]

    def settle(self) -> None:
        """Let all faults be over; raises Violation unless all clicks are in the table soon, and edges know it."""
        for process in (*self.aggregators, *self.edges):
            process.is_stopped = False
        give_up_at = self.loop.now + SETTLED_WITHIN_S
        while not self._is_settled():
            if self.loop.now > give_up_at:
                raise Violation(f"after {SETTLED_WITHIN_S:g} s without a fault {self.books.missing()}")
            if not self.edges:
                self.start_edge()
            if not self.aggregators:
                self.start_aggregator()
            while self.at_redis or self.at_clickhouse:
                self._go_on()
            self._go_on()

    def _is_settled(self) -> bool:
        return not self.books.missing() and all(
            shipper.progress.settled >= shipper.progress.spooled
            for edge in self.edges
            for shipper in edge.lanes.shippers()
        )

    def close(self) -> None:
        for edge in self.edges:
            edge.die()
        self.loop.close()

    def _go_on(self) -> None:
        if waiting := self.at_redis or self.at_clickhouse:
            waiting.pop(0).answer()
        else:
            self.loop.advance_to_next_timer()
        self.loop.run_ready()

    def ended(self, process: Process) -> None:
        """A process has nothing more to do."""
        process.is_dead = True
        self._orphan(process)
        if isinstance(process, EdgeProcess):
            process.die()
            self.edges.remove(process)
        elif process in self.aggregators:
            self.aggregators.remove(process)

    def _orphan(self, process: Process) -> None:
        """What a process had sent when it died may still arrive."""
        for waiting in (self.at_redis, self.at_clickhouse):
            for call in [call for call in waiting if call.process is process]:
                waiting.remove(call)  # type: ignore[arg-type]
                self.late.append(call)

    def _take_out(self, call: Call | InsertCall) -> None:
        for waiting in (self.at_redis, self.at_clickhouse):
            if call in waiting:
                waiting.remove(call)  # type: ignore[arg-type]

    def _break(self, call: Call | InsertCall | None, error: Exception | None = None) -> None:
        if call is None:
            return
        if error is None and call in self.at_clickhouse:
            error = ClickHouseUnreachable("no answer")
        if error is None:
            error = RedisUnavailable("lost") if isinstance(call.process, EdgeProcess) else RedisConnectionError("lost")
        self._take_out(call)
        call.future.set_exception(error)
        self.loop.run_ready()


def _chosen(among: list[Any], n: int) -> Any:
    return among[n % len(among)] if among else None
