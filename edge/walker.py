"""One tap looked up step by step, each step through memory, Redis and ClickHouse."""

import asyncio
from contextlib import suppress

import msgspec

from edge.batch_loader import ResolveFailed, TooManyLimited
from edge.clickhouse_loader import ClickHouseLoader
from edge.glued import id_before_letters, readings
from edge.issued_ids import IssuedIdCheck
from edge.lookup_stats import LookupStats
from edge.memory import EdgeMemory
from edge.record_caches import RecordCaches
from edge.redis_wire import RedisClient
from edge.scan_limit import ScanLimit
from edge.tap import Resolved, Tap
from records.code import CodeCipher
from records.domain import Domain
from routing.found import SCAN_LIMITED, UNANSWERABLE, Found
from routing.visit import Visit


class Walker:
    """Finds whatever can be found, for taps that memory and one question to Redis cannot answer."""

    def __init__(
        self,
        memory: EdgeMemory,
        redis: RedisClient,
        loader: ClickHouseLoader,
        cipher: CodeCipher,
        scans: ScanLimit,
        stats: LookupStats,
    ) -> None:
        self._cipher, self._scans, self._stats = cipher, scans, stats
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

    async def is_registered(self, short_domain: str) -> bool:
        """Asked for by strangers, who can name anything: as few such questions go to ClickHouse as for a scanner.

        Raises ResolveFailed.
        """
        return await self._caches.domains.get(short_domain, is_limited=True) is not None

    async def walk(self, tap: Tap) -> Resolved:
        """What was found; UNANSWERABLE where no store could say, SCAN_LIMITED where too many names wait already."""
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
