"""Keeps the cache true to ClickHouse: at the start, after Redis lost something, and after failed writes."""

import asyncio
import logging
from collections.abc import Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.broadcasts import Broadcasts
from control.cache import Cache, entry_of
from control.domains import Domains
from control.ids import Ids
from control.links import Links
from control.metrics import RESYNCS
from control.problems import Problem
from records.keys import CACHE_VERSION
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable

LOOK_S = 1.0
SLACK_MS = 60_000  # clocks of several control processes, and writes under way at the last look

log = logging.getLogger(__name__)


class Resync:
    def __init__(
        self, redis: Redis, cache: Cache, ids: Ids, domains: Domains, broadcasts: Broadcasts, links: Links
    ) -> None:
        self._redis, self._cache, self._ids = redis, cache, ids
        self._domains, self._broadcasts, self._links = domains, broadcasts, links
        self._synced = 1  # cache version this process has seen; a Redis that knows less has lost something
        self.trouble = ""

    async def run(self) -> None:
        """Until cancelled; outages are waited out."""
        while True:
            try:
                await self.look()
                self.trouble = ""
            except (RedisError, OSError, Problem) as error:
                self._report(f"redis: {error}")
            except (ClickHouseUnreachable, ClickHouseRefused) as error:
                self._report(f"clickhouse: {error}")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Repair what is dirty, and write everything anew that Redis may have lost."""
        await self._cache.repair()
        known = await self._redis.get(CACHE_VERSION)
        version = int(known) if known is not None else 0
        if version < self._synced or self._synced == 1:
            await self._write_since(version)

    async def _write_since(self, version: int) -> None:
        RESYNCS.inc()
        await self._ids.raise_counters()
        since = max(version - SLACK_MS, 0)
        domains = await self._domains.changed_since(since)
        broadcasts = await self._broadcasts.changed_since(since)
        entries = [*map(entry_of, domains), *map(entry_of, broadcasts)]
        await self._cache.put_all(entries)
        if version == 0:
            await self._cache.put_slugs(await self._links.slugs())
        newest = max((entry.version for entry in entries), default=0)
        self._synced = max(version, newest, 2)
        await self._redis.set(CACHE_VERSION, self._synced)
        log.info("the cache is in step with ClickHouse", extra={"records": len(entries), "since": since})

    def _report(self, trouble: str) -> None:
        if not self.trouble:
            log.warning("the cache may be behind ClickHouse", extra={"trouble": trouble})
        self.trouble = trouble


def trouble_of(resync: Resync) -> Callable[[], list[str]]:
    """What /readyz reports as degraded."""
    return lambda: [resync.trouble] if resync.trouble else []
