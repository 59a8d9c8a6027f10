"""A real edge process between SIGTERM and its end, as the kubelet and a proxy see it."""

import http.client
import signal
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from records.keys import LANES, WATERMARKS
from records.lane_registry import LaneReport
from tests.support.edge import Edge, cache, destination
from tests.support.eventually import eventually, wait_until
from tests.support.processes import accepts

NOWHERE = "http://x:y@127.0.0.1:1"


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    connection.request("GET", path)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


async def reported_at_ms(redis: Redis) -> int:
    """When the edge last told of its one lane."""
    (state,) = await redis.hvals(LANES)
    return msgspec.json.decode(state, type=LaneReport).updated_at_ms


async def test_a_draining_edge_is_alive_and_not_ready_and_ends_when_its_clicks_are_stored(
    redis: Redis, valkey_url: str, tmp_path: Path
):
    await cache(redis)
    edge = Edge(valkey_url, NOWHERE, tmp_path, TAPTRAIL_DRAIN_S="100")
    try:
        assert edge.tap(5) == destination(5)
        wait_until(lambda: edge.metric("taptrail_clicks_unsettled"), equals=1)

        edge.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not accepts(edge.port))
        begun_ms = await reported_at_ms(redis)
        await eventually(lambda: reported_at_ms(redis), lambda at_ms: at_ms >= begun_ms + 1000)  # well into the drain

        assert status_of(edge.ops_port, "/readyz") == 503
        assert status_of(edge.ops_port, "/healthz") == 200

        (lane,) = await redis.hkeys(LANES)
        await redis.hset(WATERMARKS, lane, 1)

        assert edge.process.wait(30) == 0
    finally:
        edge.kill()
