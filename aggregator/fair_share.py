"""The fair share of an aggregator: how many of the lanes are its own while others live beside it."""

import math
import time
from collections.abc import Callable

from redis.asyncio import Redis

from records.keys import AGGREGATORS

# A surplus of a moment moves no lane: lanes end and begin while edges restart.
PATIENCE_S = 2.0

# By the clock of Redis, which is one for all. Who has not beaten for ARGV[2] milliseconds is gone.
_BEAT = """#!lua flags=allow-oom
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""


class Share:
    """life_s: how long an aggregator that is not heard of counts; as long as its leases hold its lanes."""

    def __init__(self, client: Redis, owner: str, life_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._redis, self._owner, self._life_ms, self._now = client, owner, int(life_s * 1000), now
        self._above_since = math.inf
        self.aggregators = 1
        self.lanes = 0  # at most so many are taken
        self.surplus = 0  # so many are to be given back

    async def beat(self) -> None:
        """Say that this aggregator lives, and count those that do."""
        self.aggregators = await self._redis.eval(_BEAT, 1, AGGREGATORS, self._owner, self._life_ms)

    async def leave(self) -> None:
        await self._redis.zrem(AGGREGATORS, self._owner)

    def update(self, lanes: int, owned: int) -> None:
        """Lanes there are, and those owned here. Rounded up, so that together all have room for every lane."""
        self.lanes = math.ceil(lanes / self.aggregators)
        now = self._now()
        self._above_since = min(self._above_since, now) if owned > self.lanes else math.inf
        self.surplus = owned - self.lanes if now - self._above_since >= PATIENCE_S else 0
