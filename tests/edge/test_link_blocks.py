"""Links in blocks, through a whole edge: what is held in memory never makes a wrong answer."""

from redis.asyncio import Redis

from records.keys import ALLOCATED, block_key, erased_key
from records.link import Link, encode_link
from records.link_block import make_block
from tests.support.edge import cache, destination, store
from tests.support.eventually import wait_until
from tests.support.links import link_in_redis, put_as_before, put_link, remove_link


def layer(edge, name):
    return edge.metric("taptrail_lookups_total", layer=name)


async def test_the_neighbours_of_a_tapped_link_are_answered_without_redis(edge):
    assert edge.tap(1) == destination(1)
    asked = edge.metric("taptrail_lookup_batch_links_count")

    assert [edge.tap(link_id) for link_id in range(2, 20)] == [destination(link_id) for link_id in range(2, 20)]

    assert edge.metric("taptrail_lookup_batch_links_count") <= asked + 1, "the first tap was walked for"
    assert layer(edge, "memory") >= 17
    assert edge.metric("taptrail_link_memory_blocks") == 1
    assert 300 < edge.metric("taptrail_link_memory_bytes") < 1000


async def test_a_link_minted_into_a_block_that_an_edge_holds_is_found(redis, edge):
    assert [edge.tap(link_id) for link_id in (1, 2)] == [destination(1), destination(2)]

    await put_link(redis, 20, Link(1, 0, 1, "c-20"))
    await redis.set(ALLOCATED, 21)

    assert edge.tap(20) == destination(20)
    assert edge.tap(1) == destination(1)


async def test_an_erased_link_of_a_block_that_an_edge_holds_is_read_again_within_a_second(redis, clickhouse, edge):
    assert [edge.tap(link_id) for link_id in (1, 2)] == [destination(1), destination(2)]

    await clickhouse.execute(
        "ALTER TABLE links UPDATE contact_id = 'erased-0123456789abcdef0123456789abcdef' WHERE link_id = 2"
        " SETTINGS mutations_sync = 1"
    )
    await remove_link(redis, 2)
    await redis.set(erased_key(2), 1, ex=15)

    wait_until(lambda: "c-2" not in str(edge.tap(2)), within_s=1)
    assert edge.tap(1) == destination(1)


async def test_a_link_that_an_earlier_release_put_into_redis_is_found_there(redis, edge):
    for link_id in (3, 4):
        await remove_link(redis, link_id)
        await put_as_before(redis, link_id, Link(1, 0, 1, f"c-{link_id}"))

    assert [edge.tap(link_id) for link_id in (3, 4, 3)] == [destination(3), destination(4), destination(3)]
    assert layer(edge, "clickhouse") == 0


async def test_bytes_in_place_of_a_block_cost_a_look_into_clickhouse_and_are_replaced(redis, edge):
    whole = make_block({place: encode_link(Link(1, 0, 1, f"c-{place}")) for place in range(20)})
    for number, broken in enumerate((b"", b"\xff" * 300, whole[:140], whole[:-1] + b"\xff")):
        await redis.set(block_key(0), broken)
        await redis.set(erased_key(19), number)  # it is read again

        wait_until(lambda: edge.tap(19), equals=destination(19))
        assert edge.tap(18) == destination(18)

    assert (await link_in_redis(redis, 19)).contact_id == "c-19"


async def test_a_redis_without_its_links_makes_no_unknown_link_and_is_filled_again(redis, clickhouse, edges):
    await cache(redis, range(200))
    await store(clickhouse, range(200))
    edge = edges()
    assert edge.tap(1) == destination(1)

    await redis.flushall()

    assert [edge.tap(link_id) for link_id in (1, 2, 130, 131, 130)] == [
        destination(link_id) for link_id in (1, 2, 130, 131, 130)
    ]
    assert [(await link_in_redis(redis, link_id)).contact_id for link_id in (130, 131)] == ["c-130", "c-131"]
    assert await link_in_redis(redis, 132) is None


async def test_with_an_empty_redis_in_place_of_the_former_blocks_are_read_again(own_valkey, clickhouse, edges):
    redis = Redis.from_url(own_valkey.url)
    await cache(redis)
    await store(clickhouse)
    edge = edges(redis_url=own_valkey.url)
    assert [edge.tap(link_id) for link_id in (1, 2)] == [destination(1), destination(2)]
    connects = edge.metric("taptrail_redis_connects_total")

    await redis.config_set("appendfsync", "always")
    await redis.flushall()
    own_valkey.kill()
    assert edge.tap(3) == destination(3), "while Redis is away"
    own_valkey.start()
    wait_until(lambda: edge.metric("taptrail_redis_connects_total") > connects)

    assert [edge.tap(link_id) for link_id in (1, 2, 4)] == [destination(link_id) for link_id in (1, 2, 4)]
    assert layer(edge, "clickhouse") >= 3
    await redis.aclose()


async def test_memory_for_links_can_be_left_out(redis, edges):
    await cache(redis)
    edge = edges(TAPTRAIL_LINK_MEMORY="0")

    assert [edge.tap(link_id) for link_id in (1, 2, 2)] == [destination(1), destination(2), destination(2)]
    assert edge.metric("taptrail_link_memory_blocks") == 0
    assert layer(edge, "redis") >= 2
