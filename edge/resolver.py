"""Code -> link and broadcast, for all visits of one event-loop tick together."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from edge.clickhouse_loader import ClickHouseLoader, ResolveFailed
from edge.issued_ids import IssuedIds
from edge.lookup_stats import LookupStats
from edge.redis_wire import RedisUnavailable, RedisWire
from edge.scan_limit import ScanLimit
from edge.tap import Tap
from edge.tiered_cache import TieredCache
from records.broadcast import Broadcast, decode_broadcast, encode_broadcast
from records.code import CODE_LENGTH, CodeCipher
from records.domain import Domain, decode_domain, encode_domain
from records.keys import (
    BUCKET_SIZE,
    AllocatedKey,
    BroadcastKey,
    DomainKey,
    SlugKey,
    broadcast_key,
    bucket_of,
    domain_key,
    field_of,
    parse_key,
    slug_key,
)
from records.link import Link, decode_link, encode_link
from routing.found import SCAN_LIMITED, UNANSWERABLE, Found
from routing.visit import Visit

REFILLED_S = 7 * 86_400  # links that went back into Redis for a late tap leave it again


Resolved = tuple[Tap, Found]
Asked = tuple[Tap, Domain, int]  # a tap, its domain, and the id of the link that Redis is asked for

_FIELDS = [f"${len(str(field))}\r\n{field}\r\n" for field in range(BUCKET_SIZE)]


def _hget(link_id: int) -> str:
    """The command that reads a link, in Redis' protocol: 0.3 us, packed by hiredis 0.6, and most taps need it."""
    bucket = bucket_of(link_id)
    return f"*3\r\n$4\r\nHGET\r\n${len(bucket)}\r\n{bucket}\r\n{_FIELDS[field_of(link_id)]}"


class Resolver:
    """Resolves visits; what is tapped once comes from Redis, what many tap stays in memory."""

    def __init__(
        self,
        wire: RedisWire,
        loader: ClickHouseLoader,
        cipher: CodeCipher,
        scans: ScanLimit,
        stats: LookupStats,
    ) -> None:
        self._wire = wire
        self._stats = stats
        self._scans = scans
        self._cipher = cipher
        self._now = asyncio.get_running_loop().time
        self._issued = IssuedIds(wire, loader)
        self.domains: TieredCache[str, Domain] = TieredCache(
            wire, loader.domains, capacity=20_000, decode=decode_domain,
            read=lambda name: ("GET", domain_key(name)),
            refill=lambda name, domain: [("SET", domain_key(name), encode_domain(domain), "NX")],
        )  # fmt: skip
        self.broadcasts: TieredCache[int, Broadcast] = TieredCache(
            wire, loader.broadcasts, capacity=20_000, decode=decode_broadcast,
            read=lambda number: ("GET", broadcast_key(number)),
            refill=lambda number, broadcast: [("SET", broadcast_key(number), encode_broadcast(broadcast), "NX")],
        )  # fmt: skip
        self.slugs: TieredCache[tuple[str, str], int] = TieredCache(
            wire, loader.slugs, capacity=20_000, decode=int,
            read=lambda key: ("GET", slug_key(*key)),
            refill=lambda key, link_id: [("SET", slug_key(*key), link_id, "NX")],
        )  # fmt: skip
        self.links: TieredCache[int, Link] = TieredCache(
            wire, loader.links, capacity=20_000, decode=decode_link, changes=False,
            read=lambda link_id: ("HGET", bucket_of(link_id), field_of(link_id)),
            refill=lambda link_id, link: [
                ("HSET", bucket_of(link_id), field_of(link_id), encode_link(link)),
                ("EXPIRE", bucket_of(link_id), REFILLED_S, "NX"),  # what control set for the bucket stands
            ],
        )  # fmt: skip
        wire.on_invalidated = self._forget
        wire.on_connected = lambda: self._forget(None)
        wire.on_lost = self._distrust

    async def resolve(self, taps: Sequence[Tap]) -> AsyncIterator[list[Resolved]]:
        """Groups of taps with what was found: first all that memory and one Redis round trip know, then the rest."""
        known, asked, walks = self._sort(taps)
        if asked:
            replies = await self._read_links([link_id for _, _, link_id in asked])
            now_s = self._now()
            for (tap, domain, link_id), reply in zip(asked, replies, strict=True):
                found = self._from_reply(domain, link_id, reply, now_s)
                if found is None:
                    walks.append(tap)
                else:
                    known.append((tap, found))
        if known:
            yield known
        if walks:
            for finished in asyncio.as_completed([self._walk(tap) for tap in walks]):
                yield [await finished]

    def _sort(self, taps: Sequence[Tap]) -> tuple[list[Resolved], list[Asked], list[Tap]]:
        """What memory answers; what one HGET may answer; what needs more steps."""
        known: list[Resolved] = []
        asked: list[Asked] = []
        walks: list[Tap] = []
        now_s = self._now()
        for tap in taps:
            visit = tap.visit
            domain = self.domains.fresh(visit.short_domain, now_s)
            link_id = self._cipher.open(visit.code) if len(visit.code) == CODE_LENGTH else None
            if domain is None or (domain.value is not None and (link_id is None or link_id >= self._issued.below)):
                walks.append(tap)
            elif domain.value is None or link_id is None:
                known.append((tap, Found()))
            elif (link := self.links.fresh(link_id, now_s)) is not None and (
                found := self._with_broadcast(domain.value, link_id, link.value, now_s)
            ):
                self._stats.memory += 1
                known.append((tap, found))
            else:
                asked.append((tap, domain.value, link_id))
        return known, asked, walks

    async def _read_links(self, link_ids: list[int]) -> list[object]:
        commands = "".join([_hget(link_id) for link_id in link_ids]).encode()
        self._stats.batch_links.observe(len(link_ids))
        try:
            return await self._wire.packed_batch(commands, len(link_ids))
        except RedisUnavailable:
            return [None] * len(link_ids)

    def _from_reply(self, domain: Domain, link_id: int, reply: object, now_s: float) -> Found | None:
        if not isinstance(reply, bytes):
            return None
        try:
            link = decode_link(reply)
        except (msgspec.DecodeError, ValueError):  # ValueError: not UTF-8
            return None
        found = self._with_broadcast(domain, link_id, link, now_s)
        self.links.keep(link_id, link)
        self._stats.redis += 1
        return found

    def _with_broadcast(self, domain: Domain, link_id: int, link: Link | None, now_s: float) -> Found | None:
        if link is None:
            return Found(domain)
        entry = self.broadcasts.fresh(link.broadcast_no, now_s)
        return None if entry is None else Found(domain, link_id, link, entry.value)

    async def _walk(self, tap: Tap) -> Resolved:
        """One tap, step by step, each step through memory, Redis and ClickHouse."""
        try:
            return tap, await self._find(tap.visit)
        except ResolveFailed:
            self._stats.failed += 1
            return tap, UNANSWERABLE

    async def _find(self, visit: Visit) -> Found:
        if not visit.short_domain:
            return Found()
        if self._scans.is_over(visit.address, self._now()) and not await self._is_near(visit):
            return SCAN_LIMITED
        domain = await self.domains.get(visit.short_domain)
        if domain is None or not visit.code:
            return Found(domain)
        link_id = await self._link_id(domain, visit.code)
        if link_id is None:
            return Found(domain)
        self._stats.walks += 1
        link = await self.links.get(link_id)
        if link is None:
            return Found(domain)
        return Found(domain, link_id, link, await self.broadcasts.get(link.broadcast_no))

    async def _is_near(self, visit: Visit) -> bool:
        """Whether memory or Redis know the names in a visit that anybody can make up: host and slug.

        A prefix that asked for too many unknown ones still gets what they know; ClickHouse, which would have to read
        its slugs for each, is not asked.
        """
        if not await self.domains.is_near(visit.short_domain):
            return False
        if not visit.code or self._cipher.open(visit.code) is not None:
            return True
        return await self.slugs.is_near((visit.short_domain, visit.code))

    async def _link_id(self, domain: Domain, code: str) -> int | None:
        """None for a code that was never issued: junk and scans end here, before any look-up of a link."""
        link_id = self._cipher.open(code)
        if link_id is None:
            return await self.slugs.get((domain.short_domain, code))
        return link_id if await self._issued.includes(link_id) else None

    def _forget(self, keys: list[str] | None) -> None:
        """Drop what has changed; None: everything may have (FLUSHALL, or a new connection)."""
        if keys is None:
            self._issued.reconnected()
            for layer in (self.domains, self.broadcasts, self.slugs, self.links):
                layer.forget_all()
            return
        for key in keys:
            match parse_key(key):
                case AllocatedKey():
                    self._issued.changed()
                case BroadcastKey(number):
                    self.broadcasts.forget(number)
                case DomainKey(short_domain):
                    self.domains.forget(short_domain)
                case SlugKey(short_domain, slug):
                    self.slugs.forget((short_domain, slug))

    def _distrust(self) -> None:
        self._issued.lost()
        for layer in (self.domains, self.broadcasts, self.slugs, self.links):
            layer.distrust()
