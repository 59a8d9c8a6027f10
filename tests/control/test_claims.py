import asyncio

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from control.http.problems import Problem
from control.minting.claims import Claim, Claims, minting_key, pause_s, shared_link_key
from control.minting.id_allocator import IdAllocator
from records.broadcast import Broadcast
from records.domain import Domain
from records.keys import ALLOCATED
from tests.support.control import DOMAIN


def wanted(key, links, broadcast_no=1):
    return Claim("main", broadcast_no, key, "hash", 0, links, 1_790_000_000_000, DOMAIN, 1)


@pytest.fixture
async def clickhouse(clickhouse):
    """With the domain that all claims are for."""
    await clickhouse.insert_rows("domains", [Domain(DOMAIN, "main", version=1)])
    return clickhouse


async def test_ids_are_dense_from_zero(redis, clickhouse):
    claims = Claims(clickhouse, IdAllocator(redis, clickhouse))

    assert (await claims.claim(wanted("a", 10))).first_link_id == 0
    assert (await claims.claim(wanted("b", 5))).first_link_id == 10
    assert int(await redis.get(ALLOCATED)) == 15


async def test_ids_go_on_where_they_were_when_redis_has_lost_everything(redis, clickhouse):
    claims = Claims(clickhouse, IdAllocator(redis, clickhouse))
    await claims.claim(wanted("a", 10))
    await redis.flushall()

    assert (await claims.claim(wanted("b", 5))).first_link_id == 10


@pytest.mark.parametrize("moved", [{"short_domain": "other.acme.example"}, {"destinations": ()}])
async def test_a_change_in_the_same_millisecond_is_seen(redis, clickhouse, moved):
    """The rows of a minting and of a change that was made without the lock may have the same version."""
    claims = Claims(clickhouse, IdAllocator(redis, clickhouse))
    known = Broadcast(1, "main", "spring", DOMAIN, ("https://shop.acme.example/",), version=7)
    await clickhouse.insert_rows("broadcasts", [known])
    assert (await claims.claim(wanted("a", 10), known.version)).links == 10

    await clickhouse.insert_rows("broadcasts", [replace(known, **moved)])

    with pytest.raises(Problem, match="changed at the same moment"):
        await claims.claim(wanted("b", 10), known.version)
    assert await clickhouse.value("SELECT groupArray(idempotency_key) FROM taptrail_internal.mints") == ["a"]


async def test_no_two_claims_overlap_while_redis_is_wiped_again_and_again(redis, clickhouse):
    claims = Claims(clickhouse, IdAllocator(redis, clickhouse))

    async def wipe():
        while True:
            await redis.flushall()
            await asyncio.sleep(0.002)

    wiping = asyncio.create_task(wipe())
    given = await asyncio.gather(*(claims.claim(wanted(f"k{no}", 100)) for no in range(20)))
    wiping.cancel()

    link_ids = [no for claim in given for no in range(claim.first_link_id, claim.first_link_id + claim.links)]
    assert len(link_ids) == len(set(link_ids)) == 2000
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 20


async def test_without_redis_nothing_is_claimed(redis, clickhouse, own_valkey):
    away = Redis.from_url(own_valkey.url)
    own_valkey.kill()

    with pytest.raises(Problem) as raised:
        await Claims(clickhouse, IdAllocator(away, clickhouse)).claim(wanted("a", 10))

    assert (raised.value.status, raised.value.retry_after_s) == (503, 5)
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0
    await away.aclose()


def test_no_minting_has_the_key_of_a_shared_link_or_of_another_minting():
    headers = ["k", "link:k", "mint:k", "mint:link:k", "link:mint:k", "mint:mint:k", "mint:", "link:", ""]

    kept = [minting_key(header) for header in headers] + [shared_link_key(header) for header in headers]

    assert len(set(kept)) == 2 * len(headers)
    assert minting_key("k") == "k", "as claims of earlier versions are kept"


@pytest.mark.parametrize(("attempt", "longest_s"), [(1, 0.01), (2, 0.02), (7, 0.64), (50, 0.64), (5_000, 0.64)])
def test_claims_that_met_pause_at_random_and_for_longer_each_time(attempt, longest_s):
    pauses = [pause_s(attempt) for _ in range(200)]

    assert 0 <= min(pauses) < longest_s / 4
    assert longest_s * 3 / 4 < max(pauses) <= longest_s
