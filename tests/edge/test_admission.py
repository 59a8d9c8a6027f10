"""An edge that a store refuses says so before the first tap needs that store; one whose store is away starts."""

import json
import urllib.error
import urllib.request

import pytest

from tests.support.edge import Edge, cache, destination
from tests.support.eventually import eventually, wait_until
from tests.support.processes import accepts, free_port


class EarlyEdge(Edge):
    """One that need not become ready."""

    def started(self):
        wait_until(lambda: accepts(self.port) and accepts(self.ops_port))


@pytest.fixture
def early(valkey_url, clickhouse_url, tmp_path):
    started = []

    def start(redis_url=valkey_url, clickhouse_url=clickhouse_url, **settings):
        started.append(EarlyEdge(redis_url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0.2", **settings))
        return started[-1]

    yield start
    for edge in started:
        edge.kill()


def readiness(edge):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{edge.ops_port}/readyz") as answer:
            return answer.status, json.loads(answer.read())["degraded"]
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())["degraded"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (("password", "passwort"), "TAPTRAIL_CLICKHOUSE_URL: it refuses the user or the password"),
        (("127.0.0.1", "clickhouse.invalid"), "TAPTRAIL_CLICKHOUSE_URL: its host name does not resolve"),
    ],
    ids=["password", "name"],
)
async def test_an_edge_that_clickhouse_refuses_is_not_ready_and_names_the_variable(
    redis, clickhouse, clickhouse_url, early, fault, says
):
    await cache(redis)
    edge = early(clickhouse_url=clickhouse_url.replace(*fault))

    await eventually(lambda: readiness(edge), lambda seen: any(line.startswith(says) for line in seen[1]))

    assert readiness(edge)[0] == 503
    assert edge.log.read_text().count('"event":"store_refused"') == 1
    assert "passwort" not in edge.log.read_text()
    assert edge.tap(5) == destination(5)  # what Redis knows is answered meanwhile


async def test_an_edge_that_redis_refuses_is_not_ready_and_becomes_so_when_it_is_let_in(
    redis, clickhouse, own_valkey, early
):
    edge = early(redis_url=own_valkey.url.replace("//", "//taptrail:secret@"))
    says = "TAPTRAIL_REDIS_URL: it refuses the user or the password"
    await eventually(lambda: readiness(edge), lambda seen: any(line.startswith(says) for line in seen[1]))
    assert readiness(edge)[0] == 503

    async with redis.from_url(own_valkey.url) as client:
        await client.execute_command("ACL", "SETUSER", "taptrail", "on", ">secret", "~*", "&*", "+@all")

    await eventually(lambda: readiness(edge), equals=(200, []))


async def test_an_edge_whose_stores_are_away_is_ready(early):
    away = free_port()

    edge = early(redis_url=f"redis://127.0.0.1:{away}", clickhouse_url=f"http://x:y@127.0.0.1:{away}")

    await eventually(lambda: readiness(edge)[0], equals=200)
    assert "store_refused" not in edge.log.read_text()


async def test_a_store_that_refuses_later_takes_no_edge_out_of_service(redis, clickhouse, own_valkey, early):
    edge = early(redis_url=own_valkey.url)
    await eventually(lambda: readiness(edge)[0], equals=200)

    async with redis.from_url(own_valkey.url) as client:
        await client.config_set("requirepass", "secret")
        await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await eventually(lambda: readiness(edge)[1], lambda degraded: "redis: not connected" in degraded)
    assert readiness(edge)[0] == 200
