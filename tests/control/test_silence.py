"""A store that accepts connections and answers nobody: calls end soon, and /readyz names it."""

import asyncio
import time

import pytest

from control.clickhouse_watchdog import WatchfulClickHouse
from tests.support.control import DOMAIN, SHOP, contacts, readiness
from tests.support.eventually import wait_until
from tests.support.processes import silent

CALLS = [
    ("PATCH", "/v1/broadcasts/spring", {"stopped": True}),
    ("GET", "/v1/broadcasts/spring", None),
    ("GET", "/v1/broadcasts/spring/report", None),
    ("GET", "/v1/ledger", None),
    ("GET", "/v1/audit", None),
    ("POST", "/v1/links", {"short_domain": DOMAIN, "destination": "https://shop.acme.example/"}),
    ("POST", "/v1/broadcasts/spring/links", {"contact_id": "c-1"}),
]


async def timed(control, call):
    method, path, body = call
    began_at = time.monotonic()
    answer = await asyncio.to_thread(control.call, method, path, body)
    return answer, time.monotonic() - began_at


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[1])
async def test_a_silent_clickhouse_is_noticed_soon(control, redis, clickhouse_pid, call):
    control.broadcast()
    with silent(clickhouse_pid):
        answer, took_s = await timed(control, call)
        again, again_s = await timed(control, call)

    assert (answer.status, again.status) == (503, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert (took_s < 6, again_s < 4) == (True, True), (took_s, again_s)
    wait_until(lambda: control.call("GET", "/v1/broadcasts/spring").status, equals=200)


async def test_readyz_names_a_silent_clickhouse(control, clickhouse_pid):
    with silent(clickhouse_pid):
        wait_until(lambda: readiness(control)["degraded"][0].startswith("clickhouse: "))
        assert readiness(control)["ready"]

    wait_until(lambda: readiness(control)["degraded"], equals=[""])
    wait_until(lambda: control.call("GET", "/v1/ledger").status, equals=200)


async def test_a_report_may_take_longer_than_a_silence_while_clickhouse_works(clickhouse_url):
    client = WatchfulClickHouse(clickhouse_url, timeout_s=60.0)
    assert await client.value("SELECT count() FROM numbers(6) WHERE sleepEachRow(1) = 0 SETTINGS max_block_size=1") == 6
    await client.close()


@pytest.mark.parametrize("call", [CALLS[0], *CALLS[3:]], ids=lambda call: call[1])
async def test_a_silent_redis_costs_a_call_few_seconds(clickhouse, own_valkey, controls, call):
    control = controls(own_valkey.url)
    assert control.broadcast()["destinations"] == [SHOP]
    assert control.mint(contacts(1)).status == 200
    with silent(own_valkey.process.pid):
        answer, took_s = await timed(control, call)
        wait_until(lambda: readiness(control)["degraded"][0].startswith("redis: "))

    assert answer.status in (200, 503)
    assert took_s < 6, took_s
