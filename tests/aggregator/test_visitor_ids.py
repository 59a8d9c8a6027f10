import asyncio

from redis.asyncio import Redis

from aggregator.visitor_ids import SALT_LIFE_S, Salts, day_of, visitor_id
from records.address import packed_address
from records.keys import salt_key
from tests.support.eventually import eventually

SALT = bytes(range(16))
ADDRESS = packed_address("203.0.113.77")


async def test_all_aggregators_share_the_salt_of_a_day(redis, valkey_url):
    async with Redis.from_url(valkey_url) as other:
        first, second = await asyncio.gather(
            Salts(redis).for_days(["2026-11-24"]), Salts(other).for_days(["2026-11-24"])
        )

    assert first == second
    assert len(first["2026-11-24"]) == 16


async def test_every_day_has_a_salt_of_its_own(redis):
    salts = await Salts(redis).for_days(["2026-11-23", "2026-11-24", "2026-11-24"])

    assert sorted(salts) == ["2026-11-23", "2026-11-24"]
    assert salts["2026-11-23"] != salts["2026-11-24"]


async def test_a_salt_is_gone_after_two_days_and_using_it_does_not_prolong_it(redis):
    await redis.set(salt_key("2026-11-24"), SALT, ex=100)

    assert await Salts(redis).for_days(["2026-11-24"]) == {"2026-11-24": SALT}
    assert await redis.ttl(salt_key("2026-11-24")) <= 100

    await Salts(redis).for_days(["2026-11-25"])
    assert 0 < await redis.ttl(salt_key("2026-11-25")) <= SALT_LIFE_S == 48 * 3600


async def test_a_salt_that_redis_lost_is_made_anew_and_never_remembered_here(redis):
    salts = Salts(redis)
    before = await salts.for_days(["2026-11-24"])

    await redis.flushall()

    assert await salts.for_days(["2026-11-24"]) != before


async def test_no_days_need_no_redis():
    assert await Salts(Redis(port=1)).for_days([]) == {}


def test_a_day_ends_at_midnight_utc():
    assert day_of(1_795_478_399_999) == "2026-11-23"
    assert day_of(1_795_478_400_000) == "2026-11-24"


def test_a_visitor_is_the_same_under_one_salt_and_another_under_the_next():
    assert visitor_id(SALT, ADDRESS, "phone") == 0xBEF8_524B_33C4_A82C  # stays so: rows of one day are compared
    assert visitor_id(SALT, ADDRESS, "phone") != visitor_id(SALT[::-1], ADDRESS, "phone")


def test_address_and_agent_tell_visitors_apart():
    ids = {
        visitor_id(SALT, packed_address(address), agent)
        for address in ("203.0.113.77", "203.0.113.78", "2001:db8::1")
        for agent in ("phone", "tablet", "", "\N{SNOWMAN}")
    }

    assert len(ids) == 12
    assert all(0 < one < 2**64 for one in ids)


async def test_a_salt_that_is_over_is_in_no_file_of_redis(own_valkey):
    async with Redis.from_url(own_valkey.url) as client:
        await client.set(salt_key("2026-11-23"), SALT)
        await Salts(client).for_days(["2026-11-25"])

        await eventually(lambda: rewritten(client))

    assert not [path for path in own_valkey.data.rglob("*") if path.is_file() and SALT in path.read_bytes()]


async def rewritten(client):
    return not (await client.info("persistence"))["aof_rewrite_in_progress"]
