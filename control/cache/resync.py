"""Keeps the cache true to ClickHouse: at the start, after Redis lost something, and after failed writes."""

import asyncio
import logging

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.cache.redis_cache import Cache, cached_record_of
from control.catalogue.broadcasts import Broadcasts
from control.catalogue.changes import Changes
from control.catalogue.domains import Domains
from control.http.problems import Problem
from control.metrics import RESYNCS
from control.minting.id_allocator import IdAllocator
from control.minting.link_table import LinkTable
from records.keys import CACHE_VERSION
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from runtime.clock import unix_ms
from runtime.redis_client import leave_replica
from runtime.store_health import Stores

LOOK_S = 1.0
SLACK_MS = 60_000  # clocks of several control processes, and writes under way at the last look
START_SLACK_MS = 86_400_000  # a control process may have died with a change in hand, longer ago than this one runs
CATCH_UP_MS = 10_000  # how long a change may wait that was recorded by a control process which then died
NOTHING_KNOWN = 1 << 60  # higher than every version

# The version goes forward once a second, on a Redis that has what this process knows of. Checked and written in one
# step: a replica that lacks the latest writes may be promoted between two. "#!lua", so that a Redis that is a replica
# refuses it whether or not there is something to write.
_LOOK = """#!lua
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if known >= tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], string.format('%.0f', math.max(known, tonumber(ARGV[2]))))
end
return string.format('%.0f', known)
"""

log = logging.getLogger(__name__)


class Resync:
    def __init__(
        self,
        redis: Redis,
        cache: Cache,
        ids: IdAllocator,
        domains: Domains,
        broadcasts: Broadcasts,
        links: LinkTable,
        changes: Changes,
    ) -> None:
        self._redis, self._cache, self._ids = redis, cache, ids
        self._domains, self._broadcasts, self._links, self._changes = domains, broadcasts, links, changes
        self._synced = NOTHING_KNOWN  # cache version this process has seen; a Redis that knows less has lost something
        self._server = ""  # which Redis that was, and since which start
        self._caught_up_at_ms = 0
        self.trouble = ""

    async def run(self) -> None:
        """Until cancelled; outages are waited out."""
        while True:
            try:
                await self.look()
                self.trouble = ""
            except (RedisError, OSError, Problem) as error:
                self._report(f"redis: {error}")
                await leave_replica(self._redis, error)
            except (ClickHouseUnreachable, ClickHouseRefused) as error:
                self._report(f"clickhouse: {error}")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Repair what is dirty, write again what Redis may have lost, and now and then what other processes changed."""
        await self._cache.repair()
        now_ms = unix_ms()
        server = (await self._redis.info("server"))["run_id"]
        expected = self._synced if server == self._server else NOTHING_KNOWN
        known = await self._version(expected, now_ms)
        if known < expected:
            await self._write_lost(known)
            await self._version(0, now_ms)
            self._caught_up_at_ms = now_ms
        elif now_ms - self._caught_up_at_ms >= CATCH_UP_MS:
            await self._write_since(self._caught_up_at_ms - SLACK_MS)
            self._caught_up_at_ms = now_ms
        self._synced, self._server = max(known, now_ms), server

    async def _version(self, expected: int, now_ms: int) -> int:
        """The version that Redis had; it is now_ms from now on, unless it was less than expected."""
        return int(await self._redis.eval(_LOOK, 1, CACHE_VERSION, expected, now_ms))

    async def _write_lost(self, version: int) -> None:
        """Write what a Redis of this version does not have."""
        await self._ids.raise_counters()
        since = max(version - (SLACK_MS if self._server else START_SLACK_MS), 0)
        records = await self._write_since(since)
        if version == 0:
            await self._cache.put_slugs(await self._links.slugs())
        RESYNCS.inc()
        log.info(
            "cache_resynced: Redis has the broadcasts and domains of ClickHouse",
            extra={"records": records, "since": since},
        )

    async def _write_since(self, version: int) -> int:
        """Write what was changed since, by whichever process, and log it; gives the number of records."""
        domains = await self._domains.changed_since(version)
        broadcasts = await self._broadcasts.changed_since(version)
        records = [*map(cached_record_of, domains), *map(cached_record_of, broadcasts)]
        await self._cache.put_all(records)
        await self._changes.copy_since(version)
        return len(records)

    def _report(self, trouble: str) -> None:
        if not self.trouble:
            log.warning("cache_maybe_stale: Redis may lack changes that ClickHouse has", extra={"trouble": trouble})
        self.trouble = trouble


def degraded(stores: Stores, resync: Resync) -> list[str]:
    """What /readyz reports: stores that do not answer, and a cache that may be behind for another reason."""
    silent = stores.degraded()
    store = resync.trouble.partition(":")[0]
    return silent + ([resync.trouble] if resync.trouble and not any(name.startswith(store) for name in silent) else [])
