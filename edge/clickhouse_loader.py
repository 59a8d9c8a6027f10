"""The store of record behind Redis, as the edge asks it: many keys in one query."""

import asyncio

import msgspec

from edge.batch_loader import BatchLoader, LimitedBatchLoader
from edge.lookup_stats import LookupStats
from records.broadcast import Broadcast
from records.domain import Domain
from records.erasure import IS_TOKEN, STOPPED_INDEX
from records.link import Link
from records.tables import BROADCASTS, DOMAINS, EXISTING, in_force
from runtime.breaker import Breaker
from runtime.clickhouse import ClickHouse

ISSUED_IDS = "links"  # the one key of ClickHouseLoader.issued_ids


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


_IS_ERASED = IS_TOKEN.replace("contact_id", "links.contact_id")
# Of an erased contact nothing is filled in; an aggregator gives its clicks the token.
_LINKS = f"""
SELECT link_id, broadcast_no, audience_no, slug, fields, if({_IS_ERASED}, '', links.contact_id) AS contact_id,
    if(code = '' AND {_IS_ERASED}, {STOPPED_INDEX}, links.destination_index)
        AS destination_index
FROM links WHERE link_id IN ({{keys:Array(UInt64)}})
"""  # noqa: S608
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
    " (SELECT max(first_link_id + links) FROM taptrail_internal.mints))"
)
_BROADCASTS = in_force(BROADCASTS, "broadcast_no IN ({keys:Array(UInt64)})")
_DOMAINS = in_force(DOMAINS, f"short_domain IN ({{keys:Array(String)}}) AND {EXISTING}")


class ClickHouseLoader:
    """One of an edge process."""

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
        # The names that anybody can make up, for address prefixes that asked for too many unknown ones.
        turn = asyncio.Semaphore(1)
        self.limited_domains: LimitedBatchLoader[str, Domain] = LimitedBatchLoader(
            self._domains, self.breaker, stats, turn
        )
        self.limited_slugs: LimitedBatchLoader[tuple[str, str], int] = LimitedBatchLoader(
            self._slugs, self.breaker, stats, turn
        )
        self.limited_folded_slugs: LimitedBatchLoader[tuple[str, str], int] = LimitedBatchLoader(
            self._folded_slugs, self.breaker, stats, turn
        )

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
