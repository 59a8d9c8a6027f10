"""Links and clicks with a Redis each, that of clicks over TLS alone: each process asks the right one for each thing."""

import asyncio
import json
import urllib.request

import pytest
from redis.asyncio import Redis

from tests.support.control import CODE_KEY, Control, contacts
from tests.support.edge import Edge
from tests.support.processes import Process, free_port, wait_until
from tests.support.tls_proxy import with_tls

TAPS = 5


@pytest.fixture
async def processes(valkey_url, own_valkey, redis, clickhouse, clickhouse_url, tmp_path, monkeypatch):
    """Control, an edge and an aggregator."""
    async with with_tls(own_valkey.url, tmp_path, monkeypatch) as clicks_url:
        started = await asyncio.to_thread(_start, valkey_url, clicks_url, clickhouse_url, tmp_path)
        yield started
        for process in started:
            process.kill()


def _start(links_url, clicks_url, clickhouse_url, folder):
    clicks = {"TAPTRAIL_CLICKS_REDIS_URL": clicks_url}
    environ = {"TAPTRAIL_CLICKHOUSE_URL": clickhouse_url, "TAPTRAIL_CODE_KEY": CODE_KEY, **clicks}
    aggregator = Process(["-m", "aggregator"], free_port(), folder / "aggregator.log", environ)
    control = Control(links_url, clickhouse_url, folder, **clicks)
    edge = Edge(links_url, clickhouse_url, folder, TAPTRAIL_DRAIN_S="0.2", **clicks)
    wait_until(aggregator.ready)
    return control, edge, aggregator


async def test_links_and_clicks_can_have_a_redis_each(processes, redis, own_valkey, clickhouse):
    control, edge, _ = processes

    answers = await asyncio.to_thread(_mint_and_tap, control, edge)
    await asyncio.to_thread(wait_until, lambda: control.call("GET", "/v1/ledger").body["inserted"] == TAPS)

    assert answers == [302] * TAPS
    assert await clickhouse.value("SELECT count() FROM clicks") == TAPS
    audit = await asyncio.to_thread(control.call, "GET", "/v1/audit?hours=1")
    assert (audit.status, audit.body["faults"]) == (200, [])
    async with Redis.from_url(own_valkey.url) as clicks_redis:
        assert await _families(redis) == {"k", "b", "d", "allocated", "broadcasts", "cache_version"}
        assert await _families(clicks_redis) >= {"lanes", "watermarks", "owners", "aggregators", "known_run", "salt"}
        assert not await _families(clicks_redis) & await _families(redis)


async def test_without_the_redis_of_clicks_links_are_minted_and_taps_redirected(processes, own_valkey, clickhouse):
    control, edge, _ = processes
    own_valkey.kill()

    answers = await asyncio.to_thread(_mint_and_tap, control, edge)

    assert answers == [302] * TAPS
    for question in ("/v1/ledger", "/v1/audit?hours=1"):
        assert (await asyncio.to_thread(control.call, "GET", question)).status == 503
    for process in (control, edge):
        await asyncio.to_thread(wait_until, lambda process=process: _degraded(process) == ["clicks redis"])
    own_valkey.start()
    await asyncio.to_thread(wait_until, lambda: control.call("GET", "/v1/ledger").body.get("inserted") == TAPS)


def _mint_and_tap(control, edge):
    control.broadcast()
    codes = [line["code"] for line in control.mint(contacts(TAPS)).body]
    return [edge.get(f"/{code}").status for code in codes]


def _degraded(process):
    with urllib.request.urlopen(f"http://127.0.0.1:{process.ops_port}/readyz") as answer:
        return [line.partition(":")[0] for line in json.load(answer)["degraded"]]


async def _families(redis):
    """The second part of each key: tt:FAMILY:..."""
    return {key.decode().split(":")[1] for key in await redis.keys("tt:*")}
