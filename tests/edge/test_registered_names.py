"""Which names may have a certificate, as a TLS terminator asks the ops port of an edge."""

import asyncio
import http.client
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from aggregator.migrate import migrate
from edge.registered_names import ANSWER_S, TRY_AGAIN_S, read_names
from records.domain import encode_domain
from records.keys import domain_key
from runtime.clickhouse import ClickHouse
from tests.conftest import WRITER
from tests.support.clickhouse import clickhouse_command, clickhouse_environ
from tests.support.edge import DOMAIN, HOST, destination, store
from tests.support.eventually import wait_until
from tests.support.processes import free_port, running, silent

UNSEEN = msgspec.structs.replace(DOMAIN, short_domain="go.unseen.example")


def allowed(edge, query):
    """The status of the answer, and the seconds that it took."""
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", edge.ops_port, timeout=15)
    connection.request("GET", f"/tls/allowed{query}")
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - started


def status(edge, query):
    return allowed(edge, query)[0]


@pytest.mark.parametrize("name", [HOST, "GO.Acme.example", f"{HOST}."])
def test_a_registered_name_may_have_a_certificate(edge, name):
    assert status(edge, f"?domain={name}") == 200


@pytest.mark.parametrize(
    "query",
    ["?domain=go.other.example", "", "?domain=", "?domain=%00", "?domain=" + "a" * 5_000, "?domain=*.acme.example",
     "?domain=127.0.0.1", "?domain=go.acme.example/x", "?name=go.acme.example"],
)  # fmt: skip
def test_anything_else_may_not(edge, query):
    assert status(edge, query) == 404


async def test_a_name_may_within_a_second_of_its_registration_and_no_longer_after_its_end(edge, redis, clickhouse):
    assert status(edge, "?domain=go.unseen.example") == 404

    await redis.set(domain_key(UNSEEN.short_domain), encode_domain(UNSEEN))
    wait_until(lambda: status(edge, "?domain=go.unseen.example") == 200, within_s=1.0)

    gone = msgspec.structs.replace(UNSEEN, deleted=True, version=9)
    await redis.set(domain_key(UNSEEN.short_domain), encode_domain(gone))
    wait_until(lambda: status(edge, "?domain=go.unseen.example") == 404, within_s=1.0)


@pytest.fixture
async def own_clickhouse(tmp_path):
    """A server of this test alone, with two domains: its URL and its pid."""
    port = free_port()
    url = f"http://{WRITER}@127.0.0.1:{port}"
    with running(clickhouse_command(tmp_path, port), port, tmp_path / "log", clickhouse_environ()) as pid:
        client = ClickHouse(url)
        await migrate(client)
        await store(client, links=[0])
        await client.insert_rows("domains", [UNSEEN])
        await client.close()
        yield url, pid


async def test_every_name_is_remembered_while_both_stores_are_killed(own_valkey, own_clickhouse, edges):
    """Also one that this edge was never asked for."""
    url, pid = own_clickhouse
    edge = edges(redis_url=own_valkey.url, clickhouse_url=url)
    wait_until(lambda: status(edge, f"?domain={HOST}") == 200)
    await asyncio.sleep(TRY_AGAIN_S + 1)  # names are read in the background
    own_valkey.kill()
    os.kill(pid, signal.SIGKILL)

    names = (HOST, UNSEEN.short_domain, "go.other.example")
    assert [status(edge, f"?domain={name}") for name in names] == [200, 200, 404]


async def test_stores_that_are_silent_hold_no_handshake_up(own_valkey, own_clickhouse, edges):
    url, pid = own_clickhouse
    edge = edges(redis_url=own_valkey.url, clickhouse_url=url)
    await asyncio.sleep(TRY_AGAIN_S + 1)
    own_valkey.kill()

    with silent(pid):
        found, took_s = allowed(edge, f"?domain={UNSEEN.short_domain}")

    assert found == 200
    assert took_s < ANSWER_S + 2


async def test_so_many_names_are_remembered_and_no_more(clickhouse):
    rows = [msgspec.structs.replace(DOMAIN, short_domain=f"go-{number}.example") for number in range(4)]
    await clickhouse.insert_rows("domains", rows)

    assert await read_names(clickhouse, most=2) == {"go-0.example", "go-1.example"}


def test_a_flood_of_made_up_names_keeps_nobody_from_an_answer(edge):
    with ThreadPoolExecutor(16) as threads:
        flood = list(threads.map(lambda number: status(edge, f"?domain=made-up-{number}.example"), range(2_000)))

    assert set(flood) == {404}
    assert status(edge, f"?domain={HOST}") == 200
    assert edge.tap(3) == destination(3)
