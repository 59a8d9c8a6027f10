"""Leases, last writers and heartbeats of aggregators, in Redis."""

from collections.abc import Iterable, Mapping
from typing import cast

from redis.asyncio import Redis

from aggregator.stores import Registered
from records.keys import AGGREGATORS, LANES, WATERMARKS, WRITERS, click_stream, lane_name, lease_key
from records.lane_registry import reports_in, watermark_in
from runtime.redis_client import leave_replica

# allow-oom: the aggregator empties the streams, so it may write while memory is full: it may be full of clicks.
# Renews a lease, or takes it where nobody holds it. Where a field is named, it also says who writes for the lane: with
# every renewal, for a Redis that may have lost it. 0: another aggregator holds it.
_HOLD = """#!lua flags=allow-oom
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[3], ARGV[1]) end
return 1
"""
# Ends a lease that is still held and, where a field is named, says that nobody writes for the lane any more.
_RELEASE = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('HDEL', KEYS[2], ARGV[2]) end
return redis.call('DEL', KEYS[1])
"""
# By the clock of Redis, which is the same for all. Members without a heartbeat for ARGV[2] milliseconds are dropped.
_HEARTBEAT = """#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""


class RedisLeaseStore:
    """owner: a name no other process has; lease_s: how long a lease holds, and an aggregator counts as living."""

    def __init__(self, client: Redis, owner: str, lease_s: float) -> None:
        self._redis, self._owner, self._lease_ms = client, owner, int(lease_s * 1000)

    async def registered(self) -> Registered:
        fields = await self._redis.hgetall(LANES)
        reports = reports_in(fields)
        return Registered(reports, len(fields) - len(reports))

    async def hold(self, lanes: Mapping[int, bool]) -> list[bool]:
        pipe = self._redis.pipeline(transaction=False)
        for lane, is_writer in lanes.items():
            field = lane_name(lane) if is_writer else ""
            pipe.eval(_HOLD, 2, lease_key(lane), WRITERS, self._owner, self._lease_ms, field)
        return [bool(held) for held in await pipe.execute()]

    async def release(self, lanes: Mapping[int, bool]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for lane, is_at_rest in lanes.items():
            field = lane_name(lane) if is_at_rest else ""
            pipe.eval(_RELEASE, 2, lease_key(lane), WRITERS, self._owner, field)
        await pipe.execute()

    async def unleased(self, lanes: Iterable[int]) -> list[int]:
        lanes = list(lanes)
        pipe = self._redis.pipeline(transaction=False)
        for lane in lanes:
            pipe.exists(lease_key(lane))
        return [lane for lane, is_held in zip(lanes, await pipe.execute(), strict=True) if not is_held]

    async def writers(self, lanes: Iterable[int]) -> list[str]:
        values = cast(list[bytes | None], await self._redis.hmget(WRITERS, [lane_name(lane) for lane in lanes]))
        return sorted({value.decode() for value in values if value})

    async def watermark(self, lane: int) -> int:
        return watermark_in(await self._redis.hget(WATERMARKS, lane_name(lane)))

    async def forget(self, lane: int) -> None:
        name = lane_name(lane)
        pipe = self._redis.pipeline(transaction=False)
        pipe.delete(click_stream(lane), lease_key(lane))
        pipe.hdel(WATERMARKS, name)
        pipe.hdel(WRITERS, name)
        pipe.hdel(LANES, name)
        await pipe.execute()

    async def heartbeat(self) -> int:
        return int(await self._redis.eval(_HEARTBEAT, 1, AGGREGATORS, self._owner, self._lease_ms))

    async def withdraw(self) -> None:
        await self._redis.zrem(AGGREGATORS, self._owner)

    async def follow(self, error: Exception) -> None:
        await leave_replica(self._redis, error)
