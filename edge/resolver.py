"""Code -> link and broadcast, for all taps of one event-loop tick together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec

from edge.batch_loader import ResolveFailed, TooManyLimited
from edge.clickhouse_loader import ClickHouseLoader
from edge.glued import id_before_letters, readings
from edge.issued_ids import IssuedIdCheck
from edge.lookup_stats import LookupStats
from edge.memory import SMALL_BYTES, EdgeMemory
from edge.record_caches import RecordCaches
from edge.redis_connection import RedisUnavailable
from edge.redis_wire import RedisClient
from edge.scan_limit import ScanLimit
from edge.tap import Tap
from records.code import CodeCipher
from records.domain import Domain
from records.keys import bucket_of, field_of
from records.link import Link, decode_link
from routing.found import SCAN_LIMITED, UNANSWERABLE, Found
from routing.visit import Visit

Resolved = tuple[Tap, Found]
Asked = tuple[Tap, Domain, int]  # a tap, its domain, and the id of the link that Redis is asked for


class Resolver:
    """Finds what taps ask for; what is tapped once comes from Redis, what many tap stays in memory."""

    def __init__(
        self,
        memory: EdgeMemory,
        redis: RedisClient,
        loader: ClickHouseLoader,
        cipher: CodeCipher,
        scans: ScanLimit,
        stats: LookupStats,
    ) -> None:
        self._memory, self._redis, self._cipher, self._scans, self._stats = memory, redis, cipher, scans, stats
        self._caches = RecordCaches(memory, redis, loader)
        self._issued = IssuedIdCheck(memory.issued, redis, loader)
        self._now = asyncio.get_running_loop().time

    async def domain(self, short_domain: str, address: bytes) -> Domain | None:
        """For a page of the domain's own; an unknown name counts as a tap of one does.

        Raises ResolveFailed; TooManyLimited for an address prefix that asked for too many unknown names.
        """
        is_limited = self._scans.is_over(address, self._now())
        domain = await self._caches.domains.get(short_domain, is_limited=is_limited) if short_domain else None
        if domain is None and not self._scans.count(address, self._now()):
            raise TooManyLimited
        return domain

    async def resolve(self, taps: Sequence[Tap]) -> AsyncIterator[list[Resolved]]:
        """Groups of taps with what was found: first all that memory and one Redis round trip know, then the rest."""
        known, asked, walks = self._sort(taps)
        if asked:
            replies = await self._read_links([link_id for _, _, link_id in asked])
            now_s, before = self._now(), len(known)
            for (tap, domain, link_id), reply in zip(asked, replies, strict=True):
                found = self._from_reply(domain, link_id, reply, now_s)
                if found is None:
                    walks.append(tap)
                else:
                    known.append((tap, found))
            self._stats.redis += len(known) - before
        if known:
            yield known
        if walks:
            for finished in asyncio.as_completed([self._walk(tap) for tap in walks]):
                yield [await finished]

    def _sort(self, taps: Sequence[Tap]) -> tuple[list[Resolved], list[Asked], list[Tap]]:
        """What memory answers; what one HGET may answer; what needs more steps."""
        memory, now_s = self._memory, self._now()
        known: list[Resolved] = []
        asked: list[Asked] = []
        walks: list[Tap] = []
        for tap in taps:
            visit = tap.visit
            domain = memory.domains.fresh(visit.short_domain, now_s)
            link_id = self._cipher.open(visit.code)
            if domain is None or (domain.value is not None and (link_id is None or link_id >= memory.issued.below)):
                walks.append(tap)
            elif domain.value is None or link_id is None:
                known.append((tap, Found()))
            elif (link := memory.links.fresh(link_id, now_s)) is not None and (
                found := self._with_broadcast(domain.value, link_id, link.value, now_s)
            ):
                self._stats.memory += 1
                known.append((tap, found))
            else:
                asked.append((tap, domain.value, link_id))
        return known, asked, walks

    async def _read_links(self, link_ids: list[int]) -> list[object]:
        self._stats.batch_links.observe(len(link_ids))
        try:
            return await self._redis.hget_many([(bucket_of(link_id), field_of(link_id)) for link_id in link_ids])
        except RedisUnavailable:
            return [None] * len(link_ids)

    def _from_reply(self, domain: Domain, link_id: int, reply: object, now_s: float) -> Found | None:
        if type(reply) is not bytes or len(reply) > SMALL_BYTES:  # a walk weighs what it keeps
            return None
        try:
            link = decode_link(reply)
        except (msgspec.DecodeError, ValueError):  # ValueError: not UTF-8
            return None
        found = self._with_broadcast(domain, link_id, link, now_s)
        self._memory.links.keep(link_id, link, now_s)
        return found

    def _with_broadcast(self, domain: Domain, link_id: int, link: Link | None, now_s: float) -> Found | None:
        if link is None:
            return Found(domain)
        broadcast = self._memory.broadcasts.fresh(link.broadcast_no, now_s)
        return None if broadcast is None else Found(domain, link_id, link, broadcast.value)

    async def _walk(self, tap: Tap) -> Resolved:
        """One tap, step by step, each step through memory, Redis and ClickHouse."""
        try:
            return await self._find(tap)
        except TooManyLimited:
            return tap, SCAN_LIMITED
        except ResolveFailed:
            self._stats.failed += 1
            return tap, UNANSWERABLE

    async def _find(self, tap: Tap) -> Resolved:
        visit = tap.visit
        if not visit.short_domain:
            return tap, Found()
        is_limited = self._scans.is_over(visit.address, self._now())
        domain = await self._caches.domains.get(visit.short_domain, is_limited=is_limited)
        if domain is None or not visit.code:
            return tap, Found(domain)
        for code in readings(visit.code):
            link_id = await self._link_id(domain, code, is_limited=is_limited)
            if link_id is not None:
                return await self._found(tap, domain, code, link_id)
        await self._note_text_glued(visit)
        return tap, Found(domain)

    async def _note_text_glued(self, visit: Visit) -> None:
        link_id = id_before_letters(visit.code, self._cipher)
        if link_id is None:
            return
        with suppress(ResolveFailed):
            if await self._issued.includes(link_id):
                self._stats.note_text_glued(visit.short_domain, self._now())

    async def _found(self, tap: Tap, domain: Domain, code: str, link_id: int) -> Resolved:
        """The tap as one of the link's code as it was minted, so that rows and placeholders name that."""
        self._stats.walks += 1
        link = await self._caches.links.get(link_id)
        if link is None:
            return tap, Found(domain)
        code = link.slug or code
        if code != tap.visit.code:
            tap = Tap(msgspec.structs.replace(tap.visit, code=code), tap.reply)
        return tap, Found(domain, link_id, link, await self._caches.broadcasts.get(link.broadcast_no))

    async def _link_id(self, domain: Domain, code: str, *, is_limited: bool) -> int | None:
        """None for a code that was never issued: junk and scans end here, before any look-up of a link."""
        link_id = self._cipher.open(code)
        if link_id is None:
            return await self._slug_id(domain.short_domain, code, is_limited=is_limited)
        return link_id if await self._issued.includes(link_id) else None

    async def _slug_id(self, short_domain: str, slug: str, *, is_limited: bool) -> int | None:
        """A slug is looked up as written, then without regard to case: people type what they see on a poster."""
        link_id = await self._caches.slugs.get((short_domain, slug), is_limited=is_limited)
        if link_id is not None:
            return link_id
        return await self._caches.folded_slugs.get((short_domain, slug.lower()), is_limited=is_limited)
