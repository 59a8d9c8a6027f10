"""Which run of Redis the aggregators know: a Redis that was emptied or replaced lacks leases that some believe in."""

import math

import msgspec
from redis.asyncio import Redis

from records.keys import KNOWN_RUN

# The replication ID is another after every restart and failover (Redis docs, "Replication"). All in one step, so that
# it is one Redis that says its run, its time and what it knows. allow-oom: as in lanes.py.
_LOOK = """#!lua flags=allow-oom
local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('GET', KEYS[1])
if known == run then return {run, -1} end
local known_run, since = string.match(known or '', '^(%x+) (%d+) ')
if known_run ~= run then
  since = string.format('%.0f', now)
  known = run .. ' ' .. since .. ' ' .. ARGV[1]
  redis.call('SET', KEYS[1], known)
end
return {known, math.max(now - since, 0)}
"""
_SETTLE = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], string.match(ARGV[1], '^%x+'))
return 1
"""


class Known(msgspec.Struct, frozen=True):
    text: bytes  # as Redis has it
    for_s: float  # by the clock of Redis; inf where it is settled

    @property
    def is_settled(self) -> bool:
        return self.for_s == math.inf


class RedisRun:
    def __init__(self, client: Redis, owner: str) -> None:
        self._redis, self._owner = client, owner

    async def look(self) -> Known:
        """Since when this Redis, as it is, has been known; from now on if it was not."""
        text, for_ms = await self._redis.eval(_LOOK, 1, KNOWN_RUN, self._owner)
        return Known(text, for_ms / 1000 if for_ms >= 0 else math.inf)

    async def settle(self, known: Known) -> None:
        """Say that nobody inserts under a lease that this Redis lacks; not if it was lost again since that look."""
        await self._redis.eval(_SETTLE, 1, KNOWN_RUN, known.text)
