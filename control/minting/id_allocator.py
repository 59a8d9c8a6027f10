"""Dense numbers: link ids and broadcast numbers, never given twice, even when Redis loses everything."""

import logging
from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.gathered import Gathered
from control.http.problems import Problem
from control.http.store_faults import of_store
from records.keys import ALLOCATED, BROADCASTS
from runtime.clickhouse import ClickHouse

log = logging.getLogger(__name__)

# Raise the counter to what ClickHouse knows, then take: one step, so that no other process comes between.
_TAKE = """
local given = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.0f', given + tonumber(ARGV[2])))
return string.format('%.0f', given)
"""
_LINKS_GIVEN = (
    "SELECT greatest((SELECT if(count() = 0, 0, max(link_id) + 1) FROM links),"
    " (SELECT max(first_link_id + links) FROM taptrail_internal.mints))"
)
_BROADCASTS_GIVEN = "SELECT if(count() = 0, 0, max(broadcast_no) + 1) FROM broadcasts"


class IdAllocator:
    def __init__(self, redis: Redis, clickhouse: ClickHouse) -> None:
        self._redis, self._clickhouse = redis, clickhouse
        self._broadcast_nos: Gathered[None, int] = Gathered(self._next_broadcast_nos)

    async def take_link_ids(self, count: int) -> int:
        """The first of so many link ids. A Redis that is wiped meanwhile gives them again: see Claims."""
        return await self._take(ALLOCATED, int(await self._clickhouse.value(_LINKS_GIVEN)), count)

    async def next_broadcast_no(self) -> int:
        return await self._broadcast_nos(None)

    async def _next_broadcast_nos(self, wanted: Sequence[None]) -> range:
        first = await self._take(BROADCASTS, int(await self._clickhouse.value(_BROADCASTS_GIVEN)), len(wanted))
        return range(first, first + len(wanted))

    async def raise_counters(self) -> None:
        """Make Redis know again what was given out. Raises RedisError, OSError or what ClickHouse raises."""
        await self._take(ALLOCATED, int(await self._clickhouse.value(_LINKS_GIVEN)), 0)
        await self._take(BROADCASTS, int(await self._clickhouse.value(_BROADCASTS_GIVEN)), 0)

    async def _take(self, key: str, floor: int, count: int) -> int:
        try:
            return int(await self._redis.eval(_TAKE, 1, key, floor, count))
        except (RedisError, OSError) as error:
            log.warning(
                "id_allocation_unavailable: cannot allocate link ids without Redis", extra={"error": str(error)}
            )
            problem = of_store(error)
            kind, said = (problem.kind, problem.detail) if problem else ("unavailable", "Redis cannot be reached")
            detail = f"{said}; new links need numbers from it, and nothing was done"
            raise Problem(kind, detail, retry_after_s=5) from None
