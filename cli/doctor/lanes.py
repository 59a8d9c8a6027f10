"""The lanes of clicks in Redis, looked at twice: whether edges ship and aggregators insert."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from aggregator.leases import LEASE_S
from cli.doctor.environment import Given
from cli.doctor.finding import STEP_S, Finding, warning
from cli.doctor.flow import LaneLook, Look, flow_of
from records.keys import GROUP, LANES, WATERMARKS, click_stream, lane_name, lease_key
from records.lane_registry import LaneReport, Text, reports_in, watermark_in
from runtime.redis_client import redis_client

BETWEEN_S = 3.0  # an aggregator moves clicks every 0.5 s, an edge reports every second
_LOOK_AGAIN_S = 0.5


async def look_at_lanes(given: Given) -> AsyncIterator[Finding]:
    """As an aggregator, which may read all that is asked here."""
    url = given.values.get("clicks_redis_url")
    if url is None or "aggregator" not in given.processes:
        return
    client = redis_client(url, timeout_s=STEP_S, connect_timeout_s=STEP_S)
    try:
        for finding in await _two_looks(client):
            yield finding
    except (RedisError, OSError):
        yield warning("clicks", "not looked at: Redis does not say where they are", "see what is broken of redis")
    finally:
        with contextlib.suppress(RedisError, OSError):
            await client.aclose()


async def _two_looks(client: Redis) -> list[Finding]:
    """The second as soon as it shows that all goes well, at the latest after BETWEEN_S."""
    before = after = await _look(client)
    deadline = asyncio.get_running_loop().time() + BETWEEN_S
    while asyncio.get_running_loop().time() < deadline and before.lanes:
        await asyncio.sleep(_LOOK_AGAIN_S)
        after = await _look(client)
        if after.is_at_rest and any(one.report != before.lanes[lane].report for lane, one in after.lanes.items()
                                    if lane in before.lanes):  # fmt: skip
            break
    return flow_of(before, after)


def _has_reported(before: Look, after: Look) -> bool:
    """Whether an edge has reported between the looks, which shows its clock."""
    return any(one.report != before.lanes[lane].report for lane, one in after.lanes.items() if lane in before.lanes)


async def _look(client: Redis) -> Look:
    seconds, microseconds = await client.time()
    reports = reports_in(await client.hgetall(LANES))
    lanes = sorted(reports)
    settled = await client.hmget(WATERMARKS, [lane_name(lane) for lane in lanes]) if lanes else []
    pipe = client.pipeline(transaction=False)
    for lane in lanes:
        pipe.get(lease_key(lane))
        pipe.pttl(lease_key(lane))
        pipe.xlen(click_stream(lane))
        pipe.xpending(click_stream(lane), GROUP)
    answers = await pipe.execute(raise_on_error=False)
    looks = {
        lane: _lane(reports[lane], value, *answers[4 * index : 4 * index + 4])
        for index, (lane, value) in enumerate(zip(lanes, settled, strict=True))
    }
    return Look(seconds * 1000 + microseconds // 1000, looks)


def _lane(report: LaneReport, settled: Text | None, owner: Any, left_ms: Any, entries: Any, pending: Any) -> LaneLook:
    """owner and the others: what Redis answered, perhaps that it refuses: aggregators do without PTTL."""
    is_leased = isinstance(left_ms, int) and left_ms >= 0
    return LaneLook(
        report,
        watermark_in(settled),
        owner.decode() if isinstance(owner, bytes) else "",
        max(int(LEASE_S * 1000) - left_ms, 0) if is_leased else 0,
        entries if isinstance(entries, int) else 0,
        int(pending["pending"]) if isinstance(pending, dict) else 0,  # NOGROUP where nobody has read the stream yet
    )
