"""What happens to Redis while clicks pass through it: no tap is refused, each click is a row, once."""

import asyncio
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from aggregator.click_stream import RedisClickStream
from records.keys import LANES, WATERMARKS, lane_name
from runtime.redis_client import redis_client
from stack.valkey import valkey_command
from tests.chaos.checks import check_nothing_is_amiss
from tests.chaos.taps import Taps
from tests.support.aggregator import LANE, Aggregator, add, register
from tests.support.edge import Edge, cache, cipher, store
from tests.support.eventually import eventually, wait_until
from tests.support.processes import accepts, free_port
from tests.support.replica import name_leads_to, replica_of

CODES = [cipher.seal(link_id) for link_id in range(200)]


class Valkey:
    """A Valkey of the test's own."""

    def __init__(self, data, port):
        self.data, self.port, self.url = data, port, f"redis://127.0.0.1:{port}/0"
        self.client = redis_client(self.url, timeout_s=10, connect_timeout_s=2, reconnects=1)
        self.start()

    def start(self, *options):
        self.process = subprocess.Popen([*valkey_command(self.data, self.port), *options], stdout=subprocess.DEVNULL)
        wait_until(lambda: accepts(self.port))

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
async def valkey(tmp_path):
    running = Valkey(tmp_path / "valkey", free_port())
    yield running
    await running.client.aclose()
    running.kill()


@pytest.fixture
async def edge(valkey, clickhouse, clickhouse_url, tmp_path):
    """An edge whose links are in both stores, and an aggregator behind it."""
    await store(clickhouse, links=range(200))
    await cache(valkey.client, links=range(200))
    edge = await asyncio.to_thread(Edge, valkey.url, clickhouse_url, tmp_path)
    yield edge
    if edge.process.poll() is None:
        edge.process.send_signal(signal.SIGCONT)
        edge.kill()


@pytest.fixture
async def aggregator(valkey, clickhouse):
    aggregator = Aggregator(valkey.client, clickhouse)
    holding = asyncio.create_task(aggregator.leases.keep_renewing())
    running = asyncio.create_task(aggregator.pipeline.run())
    yield aggregator
    aggregator.stop()
    await running
    holding.cancel()


async def tap_all(edge):
    """Every link once; all of them are answered at once and rightly."""
    async with while_tapped(edge):
        pass


@asynccontextmanager
async def while_tapped(edge):
    """The same, with something done as soon as a quarter of them are answered."""
    taps = Taps(edge.port, CODES, 2_000)
    tapping = asyncio.create_task(taps.run())
    await eventually(lambda: len(taps.tally.answered), lambda answered: answered >= 50)
    yield
    tally = await tapping
    assert (len(tally.answered), tally.wrong, tally.shed, tally.refused) == (200, {}, 0, 0)


async def settled(edge, within_s=60):
    """When all clicks are in ClickHouse and the edge knows it."""
    await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_clicks_unsettled"), equals=0, within_s=within_s)


@pytest.mark.usefixtures("aggregator")
async def test_a_redis_whose_memory_is_full_costs_no_tap_and_no_click(valkey, clickhouse, edge):
    await tap_all(edge)
    await valkey.client.config_set("maxmemory", 1)
    await tap_all(edge)
    assert await asyncio.to_thread(edge.metric, "taptrail_clicks_waiting") > 0
    await valkey.client.config_set("maxmemory", 1 << 30)
    await tap_all(edge)

    await settled(edge)
    await check_nothing_is_amiss(valkey.client, clickhouse, 600)


@pytest.mark.usefixtures("aggregator")
async def test_connections_that_are_cut_lose_and_double_nothing(valkey, clickhouse, edge):
    # A connection of its own spares itself; one of the aggregator's pool may have been cut by the kill before.
    knife = Redis.from_url(valkey.url)
    for _ in range(5):
        tapping = asyncio.create_task(tap_all(edge))
        for _ in range(5):
            await knife.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.01)
        await tapping
    await knife.aclose()

    await settled(edge)
    await check_nothing_is_amiss(valkey.client, clickhouse, 1_000)


@pytest.mark.usefixtures("aggregator")
async def test_a_stale_copy_of_redis_loses_and_doubles_nothing(valkey, clickhouse, edge, tmp_path):
    """As when a replica that lacks the latest writes is promoted."""
    await tap_all(edge)
    shutil.copytree(valkey.data, tmp_path / "stale")
    await tap_all(edge)
    await settled(edge)
    await tap_all(edge)
    valkey.kill()
    shutil.rmtree(valkey.data)
    (tmp_path / "stale").rename(valkey.data)
    await tap_all(edge)
    valkey.start()
    await tap_all(edge)

    await settled(edge)
    await check_nothing_is_amiss(valkey.client, clickhouse, 1_000)


async def test_a_stale_replica_promoted_while_clicks_flow_loses_and_doubles_nothing(valkey, clickhouse, edge, tmp_path):
    """It was cut off before the latest clicks, acknowledgements, watermarks and leases."""
    both = [Aggregator(valkey.client, clickhouse), Aggregator(valkey.client, clickhouse)]
    running = [asyncio.create_task(one.pipeline.run()) for one in both]
    await tap_all(edge)
    async with replica_of(valkey, valkey.client, tmp_path) as replica:
        await tap_all(edge)
        async with while_tapped(edge):
            valkey.kill()
        await replica.config_set("port", valkey.port)  # as if its name led to the replica now
        await tap_all(edge)

        await settled(edge)
        await check_nothing_is_amiss(replica, clickhouse, 800)
        for one in both:
            one.stop()
        await asyncio.gather(*running)


@pytest.mark.usefixtures("aggregator")
async def test_a_redis_that_loads_its_data_loses_and_doubles_nothing(valkey, clickhouse, edge):
    await tap_all(edge)
    for number in range(150):
        await valkey.client.set(f"tt:filler:{number}", bytes(4096))
    await valkey.client.save()
    valkey.kill()
    # 20 ms a key, with an ear for clients in between: LOADING is answered for seconds.
    valkey.start("--appendonly", "no", "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "2048")
    async with Redis.from_url(valkey.url) as asking:
        assert (await asking.info("persistence"))["loading"]
        await tap_all(edge)
        assert (await asking.info("persistence"))["loading"]

    await settled(edge)
    await check_nothing_is_amiss(valkey.client, clickhouse, 400)


@pytest.mark.usefixtures("aggregator")
async def test_a_redis_started_again_without_its_data_loses_and_doubles_nothing(valkey, clickhouse, edge):
    await tap_all(edge)
    async with while_tapped(edge):
        valkey.kill()
        shutil.rmtree(valkey.data)
        valkey.start()
    await tap_all(edge)

    await settled(edge)
    await check_nothing_is_amiss(valkey.client, clickhouse, 600)


async def test_a_redis_flushed_under_two_aggregators_doubles_nothing(valkey, clickhouse, edge):
    both = [Aggregator(valkey.client, clickhouse) for _ in range(2)]
    running = [asyncio.create_task(one.pipeline.run()) for one in both]
    for _ in range(4):
        async with while_tapped(edge):
            await valkey.client.flushall()

    await settled(edge)
    for one in both:
        one.stop()
    await asyncio.gather(*running)
    await check_nothing_is_amiss(valkey.client, clickhouse, 800)


async def test_an_aggregator_follows_the_name_when_the_redis_it_reads_is_a_replica_now(
    own_valkey, clickhouse, tmp_path
):
    former = Redis.from_url(own_valkey.url)
    await register(former)
    await add(former, 1, 5)
    client = redis_client(own_valkey.url, timeout_s=10, connect_timeout_s=2)
    aggregator = Aggregator(client, clickhouse)
    running = asyncio.create_task(aggregator.pipeline.run())
    holding = asyncio.create_task(aggregator.leases.keep_renewing())
    await published(former, b"5")
    async with replica_of(own_valkey, former, tmp_path) as successor:
        await name_leads_to(successor, own_valkey, former)
        await add(successor, 6, 5)

        await published(successor, b"10")

        await check_nothing_is_amiss(successor, clickhouse, 10)
        aggregator.stop()
        await running
        holding.cancel()
    await client.aclose()
    await former.aclose()


async def test_clicks_of_an_edge_that_nobody_taps_any_more_survive_a_flush(valkey, clickhouse, edge):
    await tap_all(edge)
    await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_clicks_waiting"), equals=0)
    await valkey.client.flushall()
    aggregator = Aggregator(valkey.client, clickhouse)
    running = asyncio.create_task(aggregator.pipeline.run())

    await settled(edge)

    aggregator.stop()
    await running
    await check_nothing_is_amiss(valkey.client, clickhouse, 200)


async def test_a_watermark_that_was_lost_is_published_by_the_next_owner(redis, clickhouse):
    """Else the edge would keep clicks that are in ClickHouse, and their lane would never end."""
    await register(redis)
    await add(redis, 1, 5)
    first = Aggregator(redis, clickhouse)
    await first.move_all()
    await first.leases.leave()
    await redis.delete(WATERMARKS)

    await Aggregator(redis, clickhouse).move_all()

    assert await redis.hget(WATERMARKS, lane_name(LANE)) == b"5"


async def test_a_watermark_that_was_lost_is_published_again_by_the_owner_though_no_click_comes(redis, clickhouse):
    """Else an edge that had not read it yet would never settle its clicks, nor end its lane."""
    await register(redis)
    await add(redis, 1, 5)
    aggregator = Aggregator(redis, clickhouse)
    running = asyncio.create_task(aggregator.pipeline.run())
    await published(redis, b"5")

    await redis.flushall()

    await published(redis, b"5")
    aggregator.stop()
    await running


async def published(redis, seq):
    await eventually(lambda: redis.hget(WATERMARKS, lane_name(LANE)), equals=seq)


@pytest.mark.parametrize("known", ["10", "9007199254740993", "junk"])
async def test_a_former_owner_that_acknowledges_late_does_not_lower_the_watermark(redis, known):
    await redis.hset(WATERMARKS, lane_name(LANE), known)

    await RedisClickStream(redis).ack({LANE: [9]}, {LANE: 9})

    assert await redis.hget(WATERMARKS, lane_name(LANE)) == (b"9" if known == "junk" else known.encode())


async def test_a_redis_full_of_clicks_is_emptied_by_the_aggregator(valkey, clickhouse):
    await register(valkey.client)
    for seq in range(1, 101):
        await add(valkey.client, seq, 1)
    await valkey.client.config_set("maxmemory", 1)
    aggregator = Aggregator(valkey.client, clickhouse)
    running = asyncio.create_task(aggregator.pipeline.run())
    try:
        await eventually(lambda: clickhouse.value("SELECT count() FROM clicks"), lambda rows: rows >= 100)
        await check_nothing_is_amiss(valkey.client, clickhouse, 100)
    finally:
        await valkey.client.config_set("maxmemory", 1 << 30)
        aggregator.stop()
        await running
    assert await valkey.client.hlen(LANES) == 1
