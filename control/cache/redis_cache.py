"""What edges read: broadcasts, domains, slugs and links in Redis, written after ClickHouse has them."""

import logging
from collections.abc import Iterable, Sequence

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.gathered import Gathered
from control.http.problems import Problem
from control.metrics import DIRTY_RECORDS, UNCACHED_LINKS
from records.broadcast import Broadcast, encode_broadcast
from records.domain import Domain, encode_domain
from records.keys import broadcast_key, domain_key, folded_slug_key, slug_key
from records.link_writes import Write

log = logging.getLogger(__name__)

# Two processes may write two versions of a record in either order: the older never replaces the newer.
_PUT_IF_NEWER = """
local old = redis.call('GET', KEYS[1])
if old then
  local read, record = pcall(cmsgpack.unpack, old)
  local version = read and type(record) == 'table' and record[tonumber(ARGV[2])]
  if type(version) == 'number' and version > tonumber(ARGV[3]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""
_AT_ONCE = 500


class CachedRecord(msgspec.Struct, frozen=True):
    """One versioned record as it stands in Redis."""

    key: str
    value: bytes
    version_index: int  # of the version in the msgpack array, from 1 as Lua counts
    version: int


def cached_record_of(record: Broadcast | Domain) -> CachedRecord:
    index = record.__struct_fields__.index("version") + 1
    if isinstance(record, Broadcast):
        return CachedRecord(broadcast_key(record.broadcast_no), encode_broadcast(record), index, record.version)
    return CachedRecord(domain_key(record.short_domain), encode_domain(record), index, record.version)


class Cache:
    """Writes that Redis did not take are kept and repeated until it does."""

    def __init__(self, redis: Redis, *, links_kept_s: int) -> None:
        self._redis = redis
        self.links_kept_s = links_kept_s  # in Redis, after the last minting among their neighbours
        self._dirty: dict[str, CachedRecord] = {}
        self._records = Gathered(self._put_records)
        self._slugs = Gathered(self._put_each_slug)
        self._single_links = Gathered(self._put_single_links)

    async def put(self, record: Broadcast | Domain) -> None:
        """Put a record in force on the edges; raises Problem when Redis cannot take it now."""
        await self._records(cached_record_of(record))

    async def _put_records(self, records: Sequence[CachedRecord]) -> list[None]:
        try:
            await self.put_all(records)
            return [None] * len(records)
        except (RedisError, OSError) as error:
            log.warning(
                "cache_write_deferred: changes are in ClickHouse and not yet in Redis",
                extra={"key": records[0].key, "records": len(records), "error": str(error)},
            )
            for record in records:
                self._keep(record)
            detail = (
                "the change is recorded; Redis cannot be reached, so edges may still act on the old state. "
                "It comes into force by itself when Redis is back"
            )
            raise Problem("not-in-force", detail, retry_after_s=5) from None

    async def put_all(self, records: Sequence[CachedRecord]) -> None:
        """Raises RedisError or OSError."""
        for start in range(0, len(records), _AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for record in records[start : start + _AT_ONCE]:
                pipeline.eval(_PUT_IF_NEWER, 1, record.key, record.value, record.version_index, record.version)
            await pipeline.execute()

    async def put_slugs(self, slugs: Iterable[tuple[str, str, int]]) -> None:
        """(short domain, slug, link id) each. Raises RedisError or OSError; edges then ask ClickHouse for the slug."""
        pipeline = self._redis.pipeline(transaction=False)
        for short_domain, slug, link_id in slugs:
            pipeline.set(slug_key(short_domain, slug), link_id)
        await pipeline.execute()

    async def put_slug(self, short_domain: str, slug: str, link_id: int) -> None:
        """A slug that differs from no other in case alone. Without Redis the edges ask ClickHouse for it."""
        await self._slugs((short_domain, slug, link_id))

    async def _put_each_slug(self, slugs: Sequence[tuple[str, str, int]]) -> list[None]:
        try:
            folded = self._redis.pipeline(transaction=False)
            for short_domain, slug, link_id in slugs:
                folded.set(folded_slug_key(short_domain, slug.lower()), link_id)
            await folded.execute()
            await self.put_slugs(slugs)  # last: edges hear of these keys
        except (RedisError, OSError) as error:
            named = ", ".join(slug for _, slug, _ in slugs[:10])
            log.warning(
                "slug_uncached: slugs are in ClickHouse alone",
                extra={"slug": named, "links": len(slugs), "error": str(error)},
            )
        return [None] * len(slugs)

    async def put_links(self, writes: list[Write], links: int) -> None:
        """Links that Redis does not take are answered anyway: edges find them in ClickHouse."""
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for write in writes:
                pipeline.execute_command(*write)
            await pipeline.execute()
        except (RedisError, OSError) as error:
            UNCACHED_LINKS.inc(links)
            log.warning(
                "links_uncached: the links are in ClickHouse alone", extra={"links": links, "error": str(error)}
            )

    async def put_link(self, writes: list[Write]) -> None:
        """The same for one link, beside those of other requests."""
        await self._single_links(writes)

    async def _put_single_links(self, singles: Sequence[list[Write]]) -> list[None]:
        await self.put_links([write for writes in singles for write in writes], len(singles))
        return [None] * len(singles)

    async def repair(self) -> None:
        """Repeat the writes that failed; raises RedisError or OSError while Redis is away."""
        for key, record in list(self._dirty.items()):
            await self.put_all([record])
            if self._dirty.get(key) is record:
                del self._dirty[key]
        DIRTY_RECORDS.set(len(self._dirty))

    def _keep(self, record: CachedRecord) -> None:
        waiting = self._dirty.get(record.key)
        if waiting is None or waiting.version < record.version:
            self._dirty[record.key] = record
        DIRTY_RECORDS.set(len(self._dirty))
