"""Makes Redis and the edges forget contacts that are erased. The tables have tokens by then: edges find those there."""

import asyncio
import logging

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from control.cache.link_records import forget_links
from records.erasure import ERASED_LINKS, NAMES, STEPS, Step
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

LOOK_S = 1.0
# Since tokens are in the table: no edge puts a link back any more that it had read before (edge/clickhouse_loader.py).
SETTLE_MS = 8_000

_LINKED = f"""
SELECT erasure, toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(maxIf(done_at, step = 'linked')) AS ms_since
FROM {STEPS} WHERE erasure IN (SELECT erasure FROM {NAMES})
GROUP BY erasure HAVING maxIf(done_at, step = 'linked') > maxIf(done_at, step = 'forgotten')
LIMIT 1000
"""  # noqa: S608
_LINKS = f"SELECT DISTINCT link_id FROM {ERASED_LINKS} WHERE erasure IN ({{erasures:Array(UInt64)}})"  # noqa: S608

log = logging.getLogger(__name__)


class _Linked(msgspec.Struct, frozen=True):
    erasure: int
    ms_since: int


class Forget:
    """redis: of the links. Any number of control processes may do the same."""

    def __init__(self, clickhouse: ClickHouse, redis: Redis, settle_ms: int = SETTLE_MS) -> None:
        self._clickhouse, self._redis, self._settle_ms = clickhouse, redis, settle_ms

    async def run(self, every_s: float = LOOK_S) -> None:
        """Look until cancelled."""
        trouble = ""
        while True:
            try:
                await self.look()
                trouble = ""
            except (ClickHouseRefused, ClickHouseUnreachable, RedisError, OSError) as error:
                if not trouble:  # an aggregator of this release makes the tables
                    log.warning("forgetting_deferred: a store is unavailable", extra={"error": str(error)[:300]})
                trouble = type(error).__name__
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Forget the links of erasures at once, and again when no edge can bring them back; then say so."""
        linked = await self._clickhouse.rows(_LINKED, _Linked)
        if not linked:
            return
        links = await self._clickhouse.rows(_LINKS, dict, erasures=[one.erasure for one in linked])
        await forget_links(self._redis, [row["link_id"] for row in links])
        settled = [one.erasure for one in linked if one.ms_since >= self._settle_ms]
        if settled and await self._rewrite_file():
            steps = [{"erasure": erasure, "step": Step.FORGOTTEN} for erasure in settled]
            await self._clickhouse.insert_rows(STEPS, steps)

    async def _rewrite_file(self) -> bool:
        """The append-only file of Redis keeps what was removed until it is rewritten.

        False: another rewriting is under way, which may have begun before that.
        """
        try:
            await self._redis.bgrewriteaof()
        except ResponseError as error:
            if "in progress" in str(error):
                return False
            log.warning("erased_file_not_rewritten: Redis keeps former links in its file", extra={"error": str(error)})
        return True
