import asyncio

from redis.asyncio import Redis

from aggregator.salts import SALT_LIFE_S, Salts
from records.keys import salt_key
from tests.support.eventually import eventually

SALT = bytes(range(16))
MONDAY, TUESDAY, WEDNESDAY = 20_780, 20_781, 20_782  # 2026-11-23 to 25


async def test_all_aggregators_share_the_salt_of_a_day(redis, valkey_url):
    async with Redis.from_url(valkey_url) as other:
        first, second = await asyncio.gather(Salts(redis).for_days([TUESDAY]), Salts(other).for_days([TUESDAY]))

    assert first == second
    assert len(first[TUESDAY]) == 16


async def test_every_day_has_a_salt_of_its_own(redis):
    salts = await Salts(redis).for_days([MONDAY, TUESDAY, TUESDAY])

    assert sorted(salts) == [MONDAY, TUESDAY]
    assert salts[MONDAY] != salts[TUESDAY]


async def test_a_salt_is_gone_after_two_days_and_using_it_does_not_prolong_it(redis):
    await redis.set(salt_key("2026-11-24"), SALT, ex=100)

    assert await Salts(redis).for_days([TUESDAY]) == {TUESDAY: SALT}
    assert await redis.ttl(salt_key("2026-11-24")) <= 100

    await Salts(redis).for_days([WEDNESDAY])
    assert 0 < await redis.ttl(salt_key("2026-11-25")) <= SALT_LIFE_S == 48 * 3600


async def test_a_salt_that_redis_lost_is_made_anew_and_never_remembered_here(redis):
    salts = Salts(redis)
    before = await salts.for_days([TUESDAY])

    await redis.flushall()

    assert await salts.for_days([TUESDAY]) != before


async def test_no_days_need_no_redis():
    assert await Salts(Redis(port=1)).for_days([]) == {}


async def test_a_salt_that_is_over_is_in_no_file_of_redis(own_valkey):
    async with Redis.from_url(own_valkey.url) as client:
        await client.set(salt_key("2026-11-23"), SALT)
        await Salts(client).for_days([WEDNESDAY])

        await eventually(lambda: rewritten(client))

    assert not [path for path in own_valkey.data.rglob("*") if path.is_file() and SALT in path.read_bytes()]


async def rewritten(client):
    return not (await client.info("persistence"))["aof_rewrite_in_progress"]
