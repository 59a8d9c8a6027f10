"""ClickHouse behind Redis: what Redis does not know is asked for here, many keys in one query."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import msgspec

from edge.lookup_stats import LookupStats
from records.broadcast import Broadcast
from records.domain import Domain
from records.link import Link
from records.tables import BROADCASTS, DOMAINS, EXISTING, in_force
from runtime.breaker import Breaker
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

log = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")
Outcome = tuple[bool, Any]

MAX_KEYS = 1000  # of one query
MAX_WAITING = 20_000  # keys; beyond it a look-up fails immediately
ISSUED_IDS = "links"  # the one key of ClickHouseLoader.issued_ids


class ResolveFailed(Exception):
    """Nothing reachable could say what the key stands for."""


class BatchLoader(Generic[K, V]):
    """Look-ups of one event-loop tick in one query; the same key is asked for once, two queries run at a time."""

    def __init__(self, query: Callable[[list[K]], Awaitable[dict[K, V]]], breaker: Breaker, stats: LookupStats) -> None:
        self._query, self._breaker, self._stats = query, breaker, stats
        self.asked = 0  # keys
        self._wanted: dict[K, asyncio.Future[Outcome]] = {}
        self._asking: dict[K, asyncio.Future[Outcome]] = {}
        self._slots = asyncio.Semaphore(2)
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """None where ClickHouse has no such record. Raises ResolveFailed."""
        future = self._asking.get(key) or self._wanted.get(key)
        if future is None:
            future = self._enqueue(key)
        answered, value = await asyncio.shield(future)
        if not answered:
            raise ResolveFailed
        return value  # type: ignore[no-any-return]

    def _enqueue(self, key: K) -> "asyncio.Future[Outcome]":
        loop = asyncio.get_running_loop()
        if self._breaker.is_open or len(self._wanted) + len(self._asking) >= MAX_WAITING:
            raise ResolveFailed
        if not self._wanted:
            loop.call_soon(self._start)
        future = self._wanted[key] = loop.create_future()
        return future

    def _start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self) -> None:
        async with self._slots:
            while self._wanted:
                keys = list(self._wanted)[:MAX_KEYS]
                asked = {key: self._wanted.pop(key) for key in keys}
                self._asking.update(asked)
                found = await self._found(keys)
                for key, future in asked.items():
                    self._asking.pop(key)
                    future.set_result((found is not None, found.get(key) if found is not None else None))

    async def _found(self, keys: list[K]) -> dict[K, V] | None:
        """None when ClickHouse did not say, or is not asked at present."""
        if self._breaker.is_open:
            return None
        started = time.perf_counter()
        self.asked += len(keys)
        self._stats.query_keys.observe(len(keys))
        try:
            return await self._query(keys)
        except (ClickHouseUnreachable, ClickHouseRefused) as error:
            self._breaker.trip(str(error))
        except Exception as error:
            # Waiting visits must get an answer: a future that is never set would hold every later visit of its key.
            log.exception("clickhouse_answer_unreadable: cannot read an answer of ClickHouse")
            self._breaker.trip(str(error))
        finally:
            self._stats.query_seconds.observe(time.perf_counter() - started)
        return None


class _LinkRow(msgspec.Struct, frozen=True):
    link_id: int
    broadcast_no: int
    destination_index: int
    audience_no: int
    contact_id: str
    slug: str
    fields: dict[str, str]


class _SlugRow(msgspec.Struct, frozen=True):
    short_domain: str
    slug: str
    link_id: int


class _FoldedRow(msgspec.Struct, frozen=True):
    short_domain: str
    folded: str  # the slug in lower case
    link_id: int


_LINKS = (
    "SELECT link_id, broadcast_no, destination_index, audience_no, contact_id, slug, fields"
    " FROM links WHERE link_id IN ({keys:Array(UInt64)})"
)
_SLUGS = (
    "SELECT short_domain, slug, link_id FROM links"
    " WHERE slug IN ({slugs:Array(String)}) AND short_domain IN ({domains:Array(String)})"
)
# Where several slugs differ in case alone, none is meant more than the others.
_FOLDED_SLUGS = (
    "SELECT short_domain, lower(slug) AS folded, min(links.link_id) AS link_id FROM links"
    " WHERE lower(slug) IN ({slugs:Array(String)}) AND short_domain IN ({domains:Array(String)})"
    " GROUP BY short_domain, folded HAVING uniqExact(slug) = 1"
)
_ALLOCATION = (
    "SELECT greatest((SELECT if(count() = 0, 0, max(link_id) + 1) FROM links),"
    " (SELECT max(first_link_id + links) FROM mints))"
)
_BROADCASTS = in_force(BROADCASTS, "broadcast_no IN ({keys:Array(UInt64)})")
_DOMAINS = in_force(DOMAINS, f"short_domain IN ({{keys:Array(String)}}) AND {EXISTING}")


class ClickHouseLoader:
    """The store of record, as the edge asks it."""

    def __init__(self, clickhouse: ClickHouse, stats: LookupStats) -> None:
        self._clickhouse = clickhouse
        self.breaker = Breaker(clickhouse.ping)
        self.links: BatchLoader[int, Link] = BatchLoader(self._links, self.breaker, stats)
        self.slugs: BatchLoader[tuple[str, str], int] = BatchLoader(self._slugs, self.breaker, stats)
        self.folded_slugs: BatchLoader[tuple[str, str], int] = BatchLoader(self._folded_slugs, self.breaker, stats)
        self.broadcasts: BatchLoader[int, Broadcast] = BatchLoader(self._broadcasts, self.breaker, stats)
        self.domains: BatchLoader[str, Domain] = BatchLoader(self._domains, self.breaker, stats)
        # Ids given out, under ISSUED_IDS.
        self.issued_ids: BatchLoader[str, int] = BatchLoader(self._issued, self.breaker, stats)

    async def _links(self, link_ids: list[int]) -> dict[int, Link]:
        rows = await self._clickhouse.rows(_LINKS, _LinkRow, keys=link_ids)
        return {
            row.link_id: Link(
                row.broadcast_no, row.destination_index, row.audience_no, row.contact_id, row.slug, row.fields or None
            )
            for row in rows
        }

    async def _slugs(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
        domains, slugs = sorted({domain for domain, _ in keys}), sorted({slug for _, slug in keys})
        rows = await self._clickhouse.rows(_SLUGS, _SlugRow, domains=domains, slugs=slugs)
        return {(row.short_domain, row.slug): row.link_id for row in rows}

    async def _folded_slugs(self, keys: list[tuple[str, str]]) -> dict[tuple[str, str], int]:
        domains, slugs = sorted({domain for domain, _ in keys}), sorted({slug for _, slug in keys})
        rows = await self._clickhouse.rows(_FOLDED_SLUGS, _FoldedRow, domains=domains, slugs=slugs)
        return {(row.short_domain, row.folded): row.link_id for row in rows}

    async def _broadcasts(self, numbers: list[int]) -> dict[int, Broadcast]:
        found = await self._clickhouse.rows(_BROADCASTS, Broadcast, keys=numbers)
        return {broadcast.broadcast_no: broadcast for broadcast in found}

    async def _domains(self, names: list[str]) -> dict[str, Domain]:
        found = await self._clickhouse.rows(_DOMAINS, Domain, keys=names)
        return {domain.short_domain: domain for domain in found}

    async def _issued(self, keys: list[str]) -> dict[str, int]:
        return dict.fromkeys(keys, int(await self._clickhouse.value(_ALLOCATION)))
