"""What keeps a process from being ready: control and aggregator, asked of real stores."""

import asyncio

import hiredis
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.admission import lasting_trouble_of_redis, refused_by_clickhouse, until_admitted
from runtime.clickhouse import ClickHouse
from runtime.redis_client import redis_client, refused_by_redis
from runtime.seldom import Seldom
from runtime.serve import Readiness
from tests.support.processes import free_port


@pytest.mark.servers
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (("", ""), ""),
        (("password", "passwort"), "it refuses the user or the password"),
        (("127.0.0.1", "clickhouse.invalid"), "its host name does not resolve (clickhouse.invalid)"),
    ],
)
async def test_what_clickhouse_refuses_is_named(clickhouse_url, fault, says):
    async with ClickHouse(clickhouse_url.replace(*fault) if fault[0] else clickhouse_url) as clickhouse:
        assert await refused_by_clickhouse(clickhouse, ("links", "taptrail_internal.mints"), writes=True) == says


async def test_a_user_that_may_only_read_is_refused_where_the_process_writes(analyst_url):
    async with ClickHouse(analyst_url) as clickhouse:
        assert await refused_by_clickhouse(clickhouse, ("links",)) == ""
        assert "lacks a grant" in await refused_by_clickhouse(clickhouse, ("links",), writes=True)


async def test_a_table_that_is_not_there_is_the_missing_schema(clickhouse_url):
    async with ClickHouse(clickhouse_url) as clickhouse:
        assert "no schema of this release" in await refused_by_clickhouse(clickhouse, ("no_such_table",))


async def test_stores_that_are_away_refuse_nobody():
    away = free_port()
    redis = redis_client(f"redis://127.0.0.1:{away}", timeout_s=1, connect_timeout_s=1)
    async with ClickHouse(f"http://x:y@127.0.0.1:{away}") as clickhouse:
        assert await refused_by_clickhouse(clickhouse, ("links",)) == await refused_by_redis(redis) == ""


async def test_a_redis_whose_name_does_not_resolve_is_named():
    redis = redis_client("redis://redis.invalid:1", timeout_s=1, connect_timeout_s=1)

    assert "host name does not resolve" in await refused_by_redis(redis)


@pytest.mark.servers
async def test_a_redis_that_refuses_the_user_is_named(own_valkey):
    async with redis_client(own_valkey.url, timeout_s=5, connect_timeout_s=5) as allowed:
        await allowed.config_set("requirepass", "secret")

    stranger = redis_client(own_valkey.url, timeout_s=5, connect_timeout_s=5)

    assert "it refuses the user or the password" in await refused_by_redis(stranger)


def test_a_redis_that_was_lost_is_no_wrong_setting():
    assert lasting_trouble_of_redis(RedisConnectionError("connection lost")) == ""
    assert lasting_trouble_of_redis(hiredis.ReplyError("WRONGPASS invalid")) != ""


async def test_a_process_is_ready_as_soon_as_no_store_refuses_it_and_a_silent_one_refuses_nobody():
    readiness, answers = Readiness(), ["it refuses the password", ""]

    async def look():
        return answers.pop(0)

    async def silent():
        await asyncio.Event().wait()
        return ""

    admitting = asyncio.create_task(until_admitted({"X_URL": look, "Y_URL": silent}, readiness))
    while not readiness.kept_out:
        await asyncio.sleep(0.01)
    assert (readiness.ready, readiness.degraded()) == (False, ["X_URL: it refuses the password"])

    await admitting
    assert (readiness.ready, readiness.degraded()) == (True, [])


def test_a_line_that_could_repeat_is_due_once_in_a_while():
    now = [100.0]
    seldom = Seldom(30.0, lambda: now[0])

    assert [seldom.is_due(), seldom.is_due()] == [True, False]
    now[0] += 30
    assert seldom.is_due()
    seldom.reset()
    assert seldom.is_due()
