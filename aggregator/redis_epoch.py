"""Which run of Redis the aggregators know: one that was emptied or replaced lacks leases that others believe in."""

import math

from redis.asyncio import Redis

from aggregator.stores import Epoch
from records.keys import KNOWN_EPOCH

# The replication ID is another after every restart and failover (Redis docs, "Replication"). All in one step, so that
# it is one Redis that says its run, its time and what it knows. allow-oom: as in lease_store.py.
_CURRENT = """#!lua flags=allow-oom
local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('GET', KEYS[1])
if known == run then return {run, -1} end
local known_run, since = string.match(known or '', '^(%x+) (%d+) ')
if known_run ~= run then
  since = string.format('%.0f', now)
  local restarted = known and ' restarted' or ''
  known = run .. ' ' .. since .. ' ' .. ARGV[1] .. restarted
  redis.call('SET', KEYS[1], known)
end
return {known, math.max(now - since, 0)}
"""
_CONFIRM = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], string.match(ARGV[1], '^%x+'))
return 1
"""


class RedisEpochs:
    def __init__(self, client: Redis, owner: str) -> None:
        self._redis, self._owner = client, owner

    async def current(self) -> Epoch:
        text, known_for_ms = await self._redis.eval(_CURRENT, 1, KNOWN_EPOCH, self._owner)
        return Epoch(text, known_for_ms / 1000 if known_for_ms >= 0 else math.inf)

    async def confirm(self, epoch: Epoch) -> None:
        await self._redis.eval(_CONFIRM, 1, KNOWN_EPOCH, epoch.text)
