"""A store that is silent costs the taps of a moment their time, not every tap; and none of them its redirect."""

import asyncio
import json
import secrets
import signal
import time
import urllib.request

import pytest
from redis.asyncio import Redis

from records.keys import ALLOCATED
from tests.support.blackhole_proxy import BlackholeProxy
from tests.support.edge import cache, destination, store
from tests.support.eventually import eventually, wait_until
from tests.support.links import link_in_redis
from tests.support.replica import name_leads_to, replica_of, started

REDIS_TIMEOUT_S = 0.5
CLICKHOUSE_TIMEOUT_S = 3.0


@pytest.fixture
async def own_redis(own_valkey):
    client = Redis.from_url(own_valkey.url)
    yield client
    await client.aclose()


@pytest.fixture
async def blackhole(clickhouse, clickhouse_url):
    async with BlackholeProxy(clickhouse_url).running() as blackhole:
        yield blackhole


async def taps(edge, link_ids):
    """What they got, and how long they took one after the other."""
    started = time.monotonic()
    got = [await asyncio.to_thread(edge.tap, link_id) for link_id in link_ids]
    return got, time.monotonic() - started


async def test_a_silent_redis_costs_no_tap_its_redirect_and_few_their_time(own_redis, own_valkey, clickhouse, edges):
    await store(clickhouse, links=range(60))
    await cache(own_redis, links=range(60))
    edge = edges(redis_url=own_valkey.url)
    own_valkey.process.send_signal(signal.SIGSTOP)
    try:
        during, _ = await taps(edge, range(10))
        wait_until(lambda: edge.metric("taptrail_redis_connected"), equals=0)
        after, took_s = await taps(edge, range(10, 50))
    finally:
        own_valkey.process.send_signal(signal.SIGCONT)

    assert during + after == [destination(link_id) for link_id in range(50)]
    assert took_s < 40 * REDIS_TIMEOUT_S / 2
    wait_until(lambda: edge.metric("taptrail_redis_connected"), equals=1)
    answered_by_redis = edge.metric("taptrail_lookups_total", layer="redis")
    # A busy machine may lose the connection once more, and connect once more.
    wait_until(lambda: edge.tap(55) == destination(55) and edge.metric("taptrail_redis_connects_total") >= 2)
    (again, _) = await taps(edge, range(50, 60))
    assert again == [destination(link_id) for link_id in range(50, 60)]
    assert edge.metric("taptrail_lookups_total", layer="redis") > answered_by_redis


async def test_a_silent_clickhouse_behind_a_miss_costs_few_taps_their_time(redis, clickhouse, blackhole, edges):
    await store(clickhouse, links=range(60))
    await cache(redis, links=[0])
    await redis.set(ALLOCATED, 60)
    edge = edges(clickhouse_url=blackhole.url)
    assert (await taps(edge, [0, 1]))[0] == [destination(0), destination(1)]
    blackhole.silence()

    first, _ = await taps(edge, [2])
    others, took_s = await taps(edge, range(3, 33))
    seen, _ = await taps(edge, [0, 1])

    assert [first, others, seen] == [[503], [503] * 30, [destination(0), destination(1)]]
    assert took_s < 30 * CLICKHOUSE_TIMEOUT_S / 10
    assert edge.metric("taptrail_origin_answers") == 0
    blackhole.free()
    await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_origin_answers"), equals=1)
    assert (await taps(edge, range(2, 12)))[0] == [destination(link_id) for link_id in range(2, 12)]


async def test_readyz_names_the_stores_that_an_edge_does_without(own_redis, own_valkey, clickhouse, blackhole, edges):
    await store(clickhouse, links=range(60))
    await own_redis.set(ALLOCATED, 60)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=blackhole.url)
    well = await asyncio.to_thread(degraded, edge)

    blackhole.silence()
    await taps(edge, [2])
    own_valkey.kill()
    wait_until(lambda: edge.metric("taptrail_redis_connected"), equals=0)
    ill = await asyncio.to_thread(degraded, edge)

    assert well == []
    assert ill == ["redis: not connected", "clickhouse: it does not answer, and is not asked for the moment"]
    assert edge.ready()
    blackhole.free()
    await eventually(lambda: asyncio.to_thread(degraded, edge), equals=["redis: not connected"])


def degraded(edge):
    with urllib.request.urlopen(f"http://127.0.0.1:{edge.ops_port}/readyz") as answer:
        return json.load(answer)["degraded"]


async def test_links_seen_before_wait_for_no_silent_store(own_redis, own_valkey, clickhouse, blackhole, edges):
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=blackhole.url)
    assert edge.tap(5) == destination(5)
    blackhole.silence()
    own_valkey.kill()
    wait_until(lambda: edge.metric("taptrail_redis_connected"), equals=0)

    got, took_s = await taps(edge, [5] * 5)

    assert got == [destination(5)] * 5
    assert took_s < CLICKHOUSE_TIMEOUT_S * 0.75


async def test_a_redis_that_loads_its_data_is_not_asked_until_it_has_it(own_redis, own_valkey, clickhouse, edges):
    await store(clickhouse, links=range(40))
    await cache(own_redis, links=range(40))
    for number in range(200):
        await own_redis.set(f"tt:filler:{number}", secrets.token_bytes(4096))
    await own_redis.save()
    edge = edges(redis_url=own_valkey.url)
    own_valkey.kill()
    wait_until(lambda: edge.metric("taptrail_redis_connected"), equals=0)
    # 20 ms a key, with an ear for clients in between: LOADING is answered for seconds.
    slow = ("--appendonly", "no", "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "2048")
    started(own_valkey, *slow)

    await own_redis.connection_pool.disconnect()
    got = []
    while (await own_redis.info("persistence"))["loading"]:
        got += (await taps(edge, [len(got) % 40]))[0]
        assert edge.metric("taptrail_redis_connected") == 0

    assert got
    assert got == [destination(place % 40) for place in range(len(got))]
    wait_until(lambda: edge.metric("taptrail_redis_connected"), equals=1)


async def test_links_that_a_promoted_replica_lacks_are_never_called_unknown(
    own_redis, own_valkey, clickhouse, edges, tmp_path
):
    await store(clickhouse, links=range(40))
    await cache(own_redis, links=range(20))
    edge = edges(redis_url=own_valkey.url)
    assert edge.tap(1) == destination(1)
    async with replica_of(own_valkey, own_redis, tmp_path) as replica:
        await cache(own_redis, links=range(20, 40))
        own_valkey.kill()
        await replica.config_set("port", own_valkey.port)  # as if its name led to the replica now

        wait_until(lambda: edge.metric("taptrail_redis_connects_total"), lambda connects: connects >= 2)
        assert await replica.get(ALLOCATED) == b"20"
        assert (await taps(edge, range(20, 40)))[0] == [destination(link_id) for link_id in range(20, 40)]
        assert (await taps(edge, [40, 10**9]))[0] == [404, 404]
        assert await link_in_redis(replica, 39), "what ClickHouse answered is back in Redis"


async def test_codes_never_issued_cost_clickhouse_one_question_a_connection(own_redis, own_valkey, blackhole, edges):
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=blackhole.url)
    blackhole.cut()
    assert (await taps(edge, [10**6]))[0] == [503], "it may have been issued, and this Redis has not heard of it"
    while True:  # a machine under load may lose the connection to Redis in between: a new one has its own question
        blackhole.free()
        await eventually(lambda: asyncio.to_thread(edge.tap, 10**6 + 1), equals=404)
        connects = edge.metric("taptrail_redis_connects_total")
        blackhole.cut()
        got, _ = await taps(edge, range(10**6 + 2, 10**6 + 22))
        if edge.metric("taptrail_redis_connected") and edge.metric("taptrail_redis_connects_total") == connects:
            break

    assert got == [404] * 20


async def test_clicks_follow_the_name_when_the_redis_they_went_to_is_a_replica_now(
    own_redis, own_valkey, clickhouse_url, edges, tmp_path
):
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url)
    async with replica_of(own_valkey, own_redis, tmp_path) as promoted:
        await name_leads_to(promoted, own_valkey, own_redis)

        assert edge.tap(5) == destination(5)

        await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_clicks_waiting"), equals=0)
        assert len(await promoted.keys("tt:clicks:*")) == 1
