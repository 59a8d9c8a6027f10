"""What an edge does while Redis or ClickHouse is away, and what it leaves when it is stopped or killed."""

import asyncio
import threading
from unittest.mock import ANY

import msgspec
import pytest
from redis.asyncio import Redis

from records.domain import encode_domain
from records.keys import LANES, domain_key
from records.lane_registry import LaneReport
from tests.support.edge import DOMAIN, HOST, cache, destination, store
from tests.support.eventually import eventually, wait_until

NOWHERE = "http://x:y@127.0.0.1:1"


@pytest.fixture
async def own_redis(own_valkey):
    client = Redis.from_url(own_valkey.url)
    yield client
    await client.aclose()


async def test_a_redis_that_was_flushed_gives_no_wrong_404(redis, clickhouse, edges):
    many = range(20_000)
    await cache(redis, links=[0])
    await store(clickhouse, links=many)
    edge = edges()
    wrong, taps, done = [], [], threading.Event()

    def keep_tapping():
        for link_id in many:
            if done.is_set():
                return
            got = edge.tap(link_id)
            taps.append(got)
            if got != destination(link_id):
                wrong.append((link_id, got))

    thread = threading.Thread(target=keep_tapping)
    thread.start()
    for _ in range(10):
        await redis.flushall()
        seen = len(taps)
        wait_until(lambda seen=seen: len(taps) > seen + 30)
    done.set()
    thread.join()

    assert wrong == []
    assert await redis.keys("tt:k:*"), "what ClickHouse answers goes back into Redis"


async def test_links_never_seen_come_from_clickhouse_when_redis_is_away(own_redis, own_valkey, clickhouse, edges):
    await store(clickhouse)
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url)
    own_valkey.kill()

    assert [edge.tap(link_id) for link_id in range(5)] == [destination(link_id) for link_id in range(5)]


async def test_an_edge_starts_and_redirects_without_redis(clickhouse, edges):
    await store(clickhouse)

    edge = edges(redis_url="redis://127.0.0.1:1/0")

    assert edge.tap(3) == destination(3)
    assert edge.tap(10**9) == 404


async def test_links_seen_before_redirect_when_nothing_can_be_reached(own_redis, own_valkey, edges):
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=NOWHERE)
    assert edge.tap(5) == destination(5)
    own_valkey.kill()
    await asyncio.sleep(1)  # time is what is tested: what is known of a broadcast without Redis must be stale

    assert edge.tap(5) == destination(5)
    answer = edge.get("/" + "0" * 9)
    assert answer.status == 503
    assert answer.headers["Retry-After"]


async def test_the_edge_finds_redis_again_by_itself(own_redis, own_valkey, edges):
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=NOWHERE)
    own_valkey.kill()
    assert edge.tap(5) == 503

    own_valkey.start()

    wait_until(lambda: edge.tap(5), equals=destination(5))


async def test_clicks_taken_while_redis_is_away_are_shipped_afterwards(own_redis, own_valkey, edges):
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=NOWHERE)
    for _ in range(10):
        edge.tap(5)
    own_valkey.kill()
    for _ in range(10):
        edge.tap(5)
    own_valkey.start()

    await lane_reaches(own_valkey.url, shipped=20)


async def test_a_stream_that_was_wiped_is_written_again(redis, edges):
    await cache(redis)
    edge = edges(clickhouse_url=NOWHERE)
    for _ in range(10):
        edge.tap(5)
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)
    await redis.flushall()
    await cache(redis)
    edge.tap(5)

    (stream,) = await keys_when(redis, "tt:clicks:*", edge)
    entries = await redis.xrange(stream)
    assert entries[-1][0] == b"11-0"
    assert sum(len(fields[b"f"]) for _, fields in entries) == edge.metric("taptrail_spool_bytes")


async def test_a_stream_that_was_wiped_is_written_again_though_nobody_taps(redis, edges):
    await cache(redis)
    edge = edges(clickhouse_url=NOWHERE)
    for _ in range(10):
        edge.tap(5)
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)

    await redis.flushall()

    await a_stream_ends_with(redis, b"10-0")


async def test_the_stream_of_an_adopted_lane_that_was_wiped_is_written_again(redis, edges):
    await cache(redis)
    first = edges(clickhouse_url=NOWHERE)
    for _ in range(10):
        first.tap(5)
    first.kill()
    second = edges(clickhouse_url=NOWHERE)
    wait_until(lambda: second.metric("taptrail_clicks_unsettled"), equals=10)
    wait_until(lambda: second.metric("taptrail_clicks_waiting"), equals=0)

    await redis.flushall()

    await a_stream_ends_with(redis, b"10-0")


async def test_a_foreign_id_in_a_stream_does_not_lose_clicks(redis, edges):
    await cache(redis)
    edge = edges(clickhouse_url=NOWHERE)
    edge.tap(5)
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)
    (stream,) = await redis.keys("tt:clicks:*")
    await redis.xadd(stream, {"f": "junk"}, id="999999-0")
    edge.tap(5)

    await lane_reaches(redis, shipped=2)

    entries = await redis.xrange(stream)
    assert entries[-1][0] == b"2-0"


async def test_a_foreign_id_in_the_stream_of_a_dead_edge_does_not_lose_clicks(redis, edges):
    await cache(redis)
    first = edges(clickhouse_url=NOWHERE)
    first.tap(5)
    first.tap(5)
    wait_until(lambda: first.metric("taptrail_clicks_waiting"), equals=0)
    first.kill()
    (stream,) = await redis.keys("tt:clicks:*")
    await redis.xadd(stream, {"f": "junk"}, id="999999-0")

    edges(clickhouse_url=NOWHERE)

    await eventually(
        lambda: redis.xrevrange(stream, count=1), lambda last: [entry_id for entry_id, _ in last] == [b"2-0"]
    )
    await lane_reaches(redis, shipped=2)


async def test_a_killed_edges_clicks_are_adopted_by_the_next(redis, edges):
    await cache(redis)
    first = edges(clickhouse_url=NOWHERE)
    first.tap(5)
    second = edges(clickhouse_url=NOWHERE)
    assert second.metric("taptrail_lanes") == 1
    first.kill()

    wait_until(lambda: second.metric("taptrail_lanes"), equals=2)


async def test_a_stopped_edge_leaves_its_unsettled_clicks_for_the_next(redis, edges):
    await cache(redis)
    first = edges(clickhouse_url=NOWHERE)
    for _ in range(5):
        first.tap(5)
    assert first.stop() == 0

    second = edges(clickhouse_url=NOWHERE)

    wait_until(lambda: second.metric("taptrail_clicks_unsettled"), equals=5)


async def test_a_stopped_edge_whose_clicks_are_settled_leaves_nothing(redis, edges, tmp_path):
    await cache(redis)
    edge = edges(clickhouse_url=NOWHERE, TAPTRAIL_DRAIN_S="20")
    for _ in range(5):
        edge.tap(5)
    await lane_reaches(redis, 5)
    (lane,) = await redis.hkeys(LANES)
    await redis.hset("tt:watermarks", lane, 5)

    assert edge.stop() == 0

    assert list((tmp_path / "spool").iterdir()) == []
    (state,) = await lane_states(redis)
    assert (state.ended, state.answered, state.spooled, state.shipped) == (True, 5, 5, 5)


async def lane_states(redis):
    return [msgspec.json.decode(value, type=LaneReport) for value in await redis.hvals(LANES)]


async def lane_reaches(redis_or_url, shipped):
    redis = Redis.from_url(redis_or_url) if isinstance(redis_or_url, str) else redis_or_url
    await eventually(
        lambda: lane_states(redis),
        lambda states: any(state.shipped == shipped == state.spooled for state in states),
    )


async def a_stream_ends_with(redis, entry_id):
    async def last_entries():
        return [await redis.xrevrange(key, count=1) for key in await redis.keys("tt:clicks:*")]

    await eventually(last_entries, equals=[[(entry_id, {b"f": ANY})]])


async def keys_when(redis, pattern, edge):
    async def found():
        return await redis.keys(pattern) if edge.metric("taptrail_clicks_waiting") == 0 else []

    return await eventually(found)


async def test_a_deleted_domain_is_unknown_within_a_second_also_without_clickhouse(
    own_redis, own_valkey, clickhouse, edges
):
    await store(clickhouse)
    await cache(own_redis)
    edge = edges(redis_url=own_valkey.url, clickhouse_url=NOWHERE)
    assert edge.tap(5) == destination(5)

    await own_redis.set(domain_key(HOST), encode_domain(msgspec.structs.replace(DOMAIN, deleted=True, version=2)))

    wait_until(lambda: edge.tap(5), equals=404, within_s=1)
    assert edge.get("/").status == 404


async def test_a_domain_that_was_deleted_in_clickhouse_is_unknown(redis, clickhouse, edges):
    await store(clickhouse)
    await clickhouse.insert_rows("domains", [msgspec.structs.replace(DOMAIN, deleted=True, version=2)])

    assert edges().tap(5) == 404
