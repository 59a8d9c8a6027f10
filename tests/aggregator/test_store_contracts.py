"""The stores in memory, over which the model runs, do what Redis and ClickHouse do."""

import asyncio
import math

import pytest

from aggregator.click_stream import RedisClickStream
from aggregator.decode import DeadClick, Span
from aggregator.insert_server import ClickHouseInsertServer
from aggregator.insertable import DeadRows
from aggregator.lane_tables import ClickHouseLaneTables
from aggregator.lease_store import RedisLeaseStore
from aggregator.redis_epoch import RedisEpochs
from aggregator.stores import NEW, PENDING, Epoch, Extent, Held
from edge.redis_wire import RedisWire
from records.keys import ENTRY_FIELD, LANES, WATERMARKS, click_stream, lane_name
from records.lane_registry import LaneReport
from runtime.clickhouse import ClickHouseRefused
from tests.model.memory_clickhouse import MemoryClickHouse
from tests.model.memory_redis import MemoryRedis
from tests.model.memory_stores import (
    ClearLine,
    IdentityRows,
    MemoryClickStream,
    MemoryEpochs,
    MemoryInsertServer,
    MemoryLaneTables,
    MemoryLeaseStore,
    MemoryWire,
)

LANE, OTHER = 7, 8
LEASE_S = 1.0  # longer than what a test does before it lets the lease lapse
DATA = b"frames"


class Real:
    """Valkey and the ClickHouse engine."""

    def __init__(self, redis, clickhouse, wire):
        self._redis, self._wire = redis, wire
        self.stream = RedisClickStream(redis)
        self.tables = ClickHouseLaneTables(clickhouse, "one")
        self.inserts = ClickHouseInsertServer(clickhouse)

    def leases(self, owner):
        return RedisLeaseStore(self._redis, owner, LEASE_S)

    def epochs(self, owner):
        return RedisEpochs(self._redis, owner)

    def dead_rows(self, rows):
        return DeadRows(rows, 0)

    async def edge(self, *command):
        (reply,) = await self._wire.batch([command])
        return reply

    async def flush(self):
        await self._redis.flushall()

    async def lapse(self):
        # Redis lets a key go when its last millisecond is over, and this clock is not Redis' own.
        await asyncio.sleep(LEASE_S + 0.05)


class Memory:
    def __init__(self):
        self.now = 1_000.0
        self._redis = MemoryRedis(lambda: self.now)
        clickhouse = MemoryClickHouse(lambda: self.now)
        self._line = ClearLine(clickhouse)
        self.stream = MemoryClickStream(self._redis, self._line)
        self.tables = MemoryLaneTables(clickhouse, self._line)
        self.inserts = MemoryInsertServer(clickhouse, self._line)
        self._wire = MemoryWire(self._redis, self._line)

    def leases(self, owner):
        return MemoryLeaseStore(self._redis, self._line, owner, LEASE_S)

    def epochs(self, owner):
        return MemoryEpochs(self._redis, self._line, owner)

    def dead_rows(self, rows):
        return IdentityRows(rows)

    async def edge(self, *command):
        (reply,) = await self._wire.batch([command])
        return reply

    async def flush(self):
        self._redis.flush()

    async def lapse(self):
        self.now += LEASE_S


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
async def real(redis, clickhouse, valkey_url):
    wire = RedisWire(valkey_url)
    connecting = asyncio.create_task(wire.keep_connected())
    await wire.wait_connected(10)
    yield Real(redis, clickhouse, wire)
    connecting.cancel()


@pytest.fixture(params=["memory", pytest.param("real", marks=pytest.mark.servers)])
def stores(request):
    return request.getfixturevalue(request.param)


async def add(stores, *ids, lane=LANE):
    for entry_id in ids:
        await stores.edge("XADD", click_stream(lane), f"{entry_id}-0", ENTRY_FIELD, DATA)


async def ids_read(stores, which, lane=LANE):
    entries, _ = await stores.stream.read([lane], which)
    return [(entry.last_seq, entry.frames) for entry in entries]


async def opened(stores, *ids):
    await add(stores, *ids)
    await stores.stream.open([LANE])


async def insert(stores, *rows, before_in_s=60):
    dead = stores.dead_rows([DeadClick(lane, seq, "odd", b"") for lane, seq in rows])
    before = int(await stores.inserts.now_s()) + before_in_s
    await stores.inserts.send(dead.statement, await dead.body(before), "clicks:one:1")


async def test_what_is_read_stays_pending_until_it_is_acknowledged(stores):
    await opened(stores, 2, 5)

    assert await ids_read(stores, NEW) == [(2, DATA), (5, DATA)]
    assert await ids_read(stores, NEW) == []
    assert await ids_read(stores, PENDING) == [(2, DATA), (5, DATA)]
    assert await stores.stream.held([LANE, OTHER]) == {LANE: Held(2, 2), OTHER: Held(0, 0)}

    await stores.stream.ack({LANE: [2, 5]}, {LANE: 5})
    assert await ids_read(stores, PENDING) == []
    assert await stores.stream.held([LANE]) == {LANE: Held(0, 0)}
    assert await stores.edge("HGET", WATERMARKS, lane_name(LANE)) == b"5"


async def test_nothing_is_trimmed_behind_an_entry_that_is_pending(stores):
    await opened(stores, 2, 5, 9)
    await ids_read(stores, NEW)

    await stores.stream.ack({LANE: [2, 9]}, {})

    assert await ids_read(stores, PENDING) == [(5, DATA)]
    assert await stores.stream.held([LANE]) == {LANE: Held(2, 1)}


async def test_nothing_is_trimmed_that_was_not_acknowledged(stores):
    await opened(stores, 2, 5)
    await ids_read(stores, NEW)
    await add(stores, 9)

    await stores.stream.ack({LANE: [2, 5]}, {})

    assert await ids_read(stores, NEW) == [(9, DATA)]


async def test_an_acknowledgement_that_comes_when_the_stream_is_gone_changes_nothing(stores):
    await opened(stores, 2)
    await ids_read(stores, NEW)
    await stores.stream.reset(LANE)

    await stores.stream.ack({LANE: [2]}, {LANE: 2})
    await add(stores, 1, 2)
    await stores.stream.ack({LANE: [2]}, {LANE: 2})

    assert await stores.stream.held([LANE]) == {LANE: Held(2, 0)}


async def test_of_a_pending_entry_that_was_deleted_the_id_is_left(stores):
    await opened(stores, 2, 5)
    await ids_read(stores, NEW)
    await stores.edge("XTRIM", click_stream(LANE), "MAXLEN", 1)

    assert await ids_read(stores, PENDING) == [(2, None), (5, DATA)]


async def test_a_stream_without_a_group_is_named_and_then_read_from_its_beginning(stores):
    await add(stores, 2)

    assert await stores.stream.read([LANE, OTHER], NEW) == ([], [LANE, OTHER])

    await stores.stream.open([LANE, OTHER])
    entries, unopened = await stores.stream.read([LANE, OTHER], NEW)
    assert ([entry.last_seq for entry in entries], unopened) == ([2], [OTHER])
    await stores.stream.open([LANE])
    assert await ids_read(stores, NEW) == []


async def test_a_watermark_never_goes_back(stores):
    await stores.stream.publish({LANE: 5, OTHER: 1})

    await stores.stream.publish({LANE: 3, OTHER: 2})

    assert [await stores.leases("one").watermark(lane) for lane in (LANE, OTHER, 9)] == [5, 2, 0]


async def test_a_stream_takes_no_id_twice_and_is_not_made_where_it_has_to_be_there(stores):
    key = click_stream(LANE)
    assert await stores.edge("XADD", key, "NOMKSTREAM", "2-0", ENTRY_FIELD, DATA) is None
    assert "no such key" in str(await stores.edge("XINFO", "STREAM", key))

    assert await stores.edge("XADD", key, "2-0", ENTRY_FIELD, DATA) == b"2-0"
    assert "equal or smaller" in str(await stores.edge("XADD", key, "NOMKSTREAM", "2-0", ENTRY_FIELD, DATA))
    await stores.stream.open([LANE])
    await ids_read(stores, NEW)
    await stores.stream.ack({LANE: [2]}, {})
    assert "equal or smaller" in str(await stores.edge("XADD", key, "1-0", ENTRY_FIELD, DATA)), "though it is empty"
    assert await stores.edge("XREVRANGE", key, "+", "-", "COUNT", 1) == []

    await stores.edge("DEL", key)
    assert await stores.edge("XADD", key, "1-0", ENTRY_FIELD, DATA) == b"1-0"
    assert await stores.edge("XREVRANGE", key, "+", "-", "COUNT", 1) == [[b"1-0", [ENTRY_FIELD, DATA]]]


async def test_a_lease_is_held_by_one_until_it_lapses_or_is_given_back(stores):
    one, two = stores.leases("one"), stores.leases("two")

    assert await one.hold({LANE: False, OTHER: False}) == [True, True]
    assert await two.hold({LANE: False}) == [False]
    assert await two.unleased([LANE, OTHER, 9]) == [9]
    assert await one.hold({LANE: False}) == [True]

    await two.release({LANE: True})
    assert await two.hold({LANE: False}) == [False], "it was not theirs"
    await one.release({LANE: True})
    assert await two.hold({LANE: False}) == [True]

    await stores.lapse()
    assert await two.unleased([LANE, OTHER]) == [LANE, OTHER]
    assert await one.hold({LANE: False}) == [True]


async def test_who_wrote_last_is_known_until_it_signs_off(stores):
    one, two = stores.leases("one"), stores.leases("two")
    await one.hold({LANE: True, OTHER: False})
    assert await two.writers([LANE, OTHER]) == ["one"]

    await one.release({LANE: False})
    assert await two.writers([LANE]) == ["one"]

    await one.hold({LANE: True})
    await one.release({LANE: True})
    assert await two.writers([LANE]) == []


async def test_those_with_a_heartbeat_are_counted(stores):
    one, two = stores.leases("one"), stores.leases("two")
    assert [await one.heartbeat(), await two.heartbeat(), await one.heartbeat()] == [1, 2, 2]

    await one.withdraw()
    assert await two.heartbeat() == 1
    await one.heartbeat()
    await stores.lapse()
    assert await two.heartbeat() == 1


async def test_a_lane_is_registered_until_it_is_forgotten(stores):
    leases = stores.leases("one")
    await stores.edge("HSET", LANES, lane_name(LANE), b'{"edge_id":"e","answered":1,"spooled":1,"shipped":1,'
                      b'"updated_at_ms":5}')  # fmt: skip
    await stores.edge("HSET", LANES, "junk", b"{}")
    await add(stores, 1)
    await stores.stream.publish({LANE: 1})
    await leases.hold({LANE: True})

    assert await leases.registered() == ({LANE: LaneReport("e", 1, 1, 1, 5)}, 1)

    await leases.forget(LANE)
    assert (await leases.registered()).reports == {}
    assert (await leases.watermark(LANE), await leases.writers([LANE]), await leases.unleased([LANE])) == (
        0,
        [],
        [LANE],
    )
    assert await stores.stream.held([LANE]) == {LANE: Held(0, 0)}


async def test_an_epoch_is_known_from_the_first_look_and_confirmed_for_all(stores):
    one, two = stores.epochs("one"), stores.epochs("two")
    epoch = await one.current()
    await stores.lapse()
    assert (await two.current()).text == epoch.text
    assert LEASE_S / 2 < (await two.current()).known_for_s < math.inf

    await two.confirm(epoch)
    assert (await one.current()).is_confirmed

    await stores.flush()
    assert not (await one.current()).is_confirmed
    await two.confirm(Epoch(epoch.text, 0.0))
    assert not (await one.current()).is_confirmed, "it was lost since"


async def test_the_tables_say_which_seqs_they_have(stores):
    assert await stores.tables.extent(LANE) == Extent(0, 0)
    assert not await stores.tables.has_first_insert()

    await insert(stores, (LANE, 1), (LANE, 2), (LANE, 4), (OTHER, 3))

    extent = await stores.tables.extent(LANE)
    assert extent == Extent(4, 3)
    assert await stores.tables.contiguous_up_to(LANE, extent, 0) == 2
    assert await stores.tables.present([Span(LANE, 2, 9), Span(OTHER, 1, 2)]) == {(LANE, 2), (LANE, 4)}
    assert await stores.tables.has_first_insert()


async def test_the_first_insert_can_be_marked_before_it_is_sent(stores):
    await stores.tables.mark_first_insert()

    assert await stores.tables.has_first_insert()


async def test_an_insert_whose_deadline_is_over_is_refused(stores):
    with pytest.raises(ClickHouseRefused):
        await insert(stores, (LANE, 1), before_in_s=-1)

    assert await stores.tables.extent(LANE) == Extent(0, 0)
