"""ClickHouse is away while more clicks arrive than Redis may hold: taps go on, Redis stays flat, nothing is lost."""

import asyncio
import os
import secrets

import pytest
from redis.asyncio import Redis

from records.broadcast import decode_broadcast
from records.keys import ALLOCATED, broadcast_key
from runtime.clickhouse import ClickHouse
from tests.chaos.checks import check_nothing_is_amiss
from tests.chaos.taps import Taps
from tests.support.aggregator import Aggregator
from tests.support.blackhole_proxy import BlackholeProxy
from tests.support.control import Control, contacts
from tests.support.edge import Edge, cache, cipher, store
from tests.support.eventually import eventually
from tests.support.replica import replica_of

LINKS = int(os.environ.get("SOAK_LINKS", "12000"))
LIMIT = LINKS * 700  # bytes of Redis; the clicks below are more
CODES = [cipher.seal(link_id) for link_id in range(LINKS)]
LONG_AGENT = "Mozilla/5.0 (iPhone) " + "x" * 1000


@pytest.fixture
async def small_redis(own_valkey):
    client = Redis.from_url(own_valkey.url)
    await client.config_set("maxmemory", LIMIT)
    yield client
    await client.aclose()


@pytest.fixture
async def path(clickhouse_url):
    async with BlackholeProxy(clickhouse_url).running() as path:
        yield path


@pytest.fixture
async def aggregator(small_redis, path):
    """One whose path to ClickHouse can be cut."""
    clickhouse = ClickHouse(path.url, timeout_s=10)
    aggregator = Aggregator(small_redis, clickhouse)
    holding = asyncio.create_task(aggregator.leases.keep_renewing())
    running = asyncio.create_task(aggregator.pipeline.run())
    yield aggregator
    aggregator.stop()
    await running
    holding.cancel()
    await clickhouse.close()


@pytest.fixture
async def edges(own_valkey, clickhouse_url, tmp_path):
    started = []

    def start():
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        started.append(Edge(own_valkey.url, clickhouse_url, folder, TAPTRAIL_DRAIN_S="0.2"))
        return started[-1]

    yield start
    for edge in started:
        edge.kill()


class Gauge:
    """The highest use of Redis's memory, looked at all the while."""

    def __init__(self, redis):
        self._redis, self.highest = redis, 0

    async def watch(self):
        while True:
            self.highest = max(self.highest, (await self._redis.info("memory"))["used_memory"])
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("aggregator")
async def test_an_outage_of_clickhouse_costs_disk_and_not_redis_and_new_lanes_are_served_at_once(
    small_redis, clickhouse, path, edges
):
    await store(clickhouse, links=range(LINKS))
    await cache(small_redis, links=[0])
    await small_redis.set(ALLOCATED, LINKS)
    old = await asyncio.to_thread(edges)
    retries = old.metric("taptrail_ship_retries")
    gauge = Gauge(small_redis)
    watching = asyncio.create_task(gauge.watch())
    path.cut()

    tally = await Taps(old.port, CODES, 1e6, agent=LONG_AGENT).run()
    spooled = old.metric("taptrail_spool_bytes")
    new = await asyncio.to_thread(edges)
    assert isinstance(await asyncio.to_thread(new.tap, 7), str)
    await eventually(lambda: at_rest(old), within_s=60)
    watching.cancel()

    assert (len(tally.answered), tally.wrong, tally.shed, tally.refused) == (LINKS, {}, 0, 0)
    assert spooled > LIMIT
    assert gauge.highest < LIMIT * 0.8, "there is room for links"
    assert old.metric("taptrail_ship_retries") == retries, "Redis never had to refuse"
    assert 0 < old.metric("taptrail_clicks_waiting") < LINKS
    path.free()
    new_ones = "SELECT count() FROM clicks WHERE link_id = 7 AND user_agent NOT LIKE '%xxx'"
    await eventually(lambda: clickhouse.value(new_ones), equals=1, within_s=60)
    assert old.metric("taptrail_clicks_unsettled") > 0, "the new lane does not wait for the old one"
    await eventually(lambda: clickhouse.value("SELECT count() FROM clicks"), equals=LINKS + 1, within_s=120)
    await check_nothing_is_amiss(small_redis, clickhouse, LINKS + 1)


async def at_rest(edge):
    """It ships no more, for want of room."""
    before = edge.metric("taptrail_clicks_waiting")
    await asyncio.sleep(1.5)  # that nothing happens is what is looked for
    return edge.metric("taptrail_clicks_waiting") == before


async def test_a_link_whose_block_left_redis_redirects_and_goes_back(own_valkey, clickhouse, clickhouse_url, tmp_path):
    redis = Redis.from_url(own_valkey.url)
    control = await asyncio.to_thread(
        Control, own_valkey.url, clickhouse_url, tmp_path, TAPTRAIL_LINK_CACHE_DAYS=str(1 / 86_400)
    )
    try:
        control.broadcast()
        codes = [line["code"] for line in control.mint(contacts(200)).body]
    finally:
        control.stop()
    await eventually(lambda: redis.keys("tt:k:*"), equals=[])
    edge = await asyncio.to_thread(Edge, own_valkey.url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0.2")
    try:
        answers = [edge.get("/" + code) for code in codes[:5]]
    finally:
        edge.kill()

    assert [answer.headers["Location"][-3:] for answer in answers] == [f"c-{number}"[-3:] for number in range(5)]
    assert 0 < await redis.ttl("tt:k:0") <= 7 * 86_400
    await redis.aclose()


async def test_a_stop_that_a_promoted_replica_has_not_heard_of_comes_into_force_again(
    own_valkey, clickhouse, clickhouse_url, tmp_path
):
    redis = Redis.from_url(own_valkey.url)
    control = await asyncio.to_thread(Control, own_valkey.url, clickhouse_url, tmp_path)
    control.broadcast()
    tap = "/" + control.mint(contacts(1)).body[0]["code"]
    edge = await asyncio.to_thread(Edge, own_valkey.url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0.2")
    try:
        async with replica_of(own_valkey, redis, tmp_path) as replica:
            assert edge.get(tap).status == 302
            await asyncio.to_thread(control.call, "PATCH", "/v1/broadcasts/spring", {"stopped": True})
            await eventually(lambda: status_of(edge, tap), equals=410)
            own_valkey.kill()
            await replica.config_set("port", own_valkey.port)

            await eventually(lambda: _is_stopped(replica))
            await eventually(lambda: status_of(edge, tap), equals=410)
    finally:
        edge.kill()
        control.stop()
        await redis.aclose()


async def status_of(edge, tap):
    return (await asyncio.to_thread(edge.get, tap)).status


async def _is_stopped(redis):
    return decode_broadcast(await redis.get(broadcast_key(0))).stopped
