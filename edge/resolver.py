"""Code -> link and broadcast, for the taps of one event-loop tick: what memory and one question to Redis know."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from edge.lookup_stats import LookupStats
from edge.memory import EdgeMemory
from edge.record_memory import CachedRecord
from edge.redis_connection import OnReplies, RedisUnavailable, Replies
from edge.redis_wire import RedisClient
from edge.tap import Resolved, Tap
from records.code import CodeCipher
from records.domain import Domain
from records.keys import BLOCK_BITS, block_key
from records.link import Link
from records.link_block import link_in
from routing.found import Found

Asked = tuple[Tap, Domain, int]  # a tap, its domain, and the id of the link that Redis is asked for


class Step(NamedTuple):
    """What is known of some taps, what Redis may know of others, and those that have to be walked (walker.py)."""

    known: Sequence[Resolved] = ()
    asked: Sequence[Asked] = ()
    walks: Sequence[Tap] = ()


class Resolver:
    """Finds what taps ask for; what is tapped once comes from Redis, what many tap stays in memory."""

    def __init__(self, memory: EdgeMemory, redis: RedisClient, cipher: CodeCipher, stats: LookupStats) -> None:
        self._memory, self._redis, self._cipher, self._stats = memory, redis, cipher, stats
        self._now = asyncio.get_running_loop().time

    def from_memory(self, taps: Sequence[Tap]) -> Step:
        """The first step of taps that arrived together."""
        memory, now_s = self._memory, self._now()
        known: list[Resolved] = []
        asked: list[Asked] = []
        walks: list[Tap] = []
        name: str | None = None  # of the tap before: most have the same
        domain: CachedRecord[Domain] | None = None
        for tap in taps:
            visit = tap.visit
            if visit.short_domain != name:
                name = visit.short_domain
                domain = memory.domains.fresh(name, now_s)
            link_id = self._cipher.open(visit.code)
            if domain is None or (domain.value is not None and (link_id is None or link_id >= memory.issued.below)):
                walks.append(tap)
            elif domain.value is None or link_id is None:
                known.append((tap, Found()))
            else:
                link = memory.blocks.link(link_id)
                if link is None and link_id in memory.links.entries:  # few had to be walked for
                    link = memory.links.known(link_id, now_s)
                found = None if link is None else self._with_broadcast(domain.value, link_id, link, now_s)
                if found is None:
                    asked.append((tap, domain.value, link_id))
                else:
                    self._stats.memory += 1
                    known.append((tap, found))
        return Step(known, asked, walks)

    def ask(self, asked: Sequence[Asked], on_replies: OnReplies) -> None:
        """Ask Redis; from_replies() reads what it says."""
        self._stats.batch_links.observe(len(asked))
        try:
            self._redis.get_many([block_key(link_id >> BLOCK_BITS) for _, _, link_id in asked], on_replies)
        except RedisUnavailable:
            on_replies(None)

    def from_replies(self, asked: Sequence[Asked], replies: Replies | None) -> Step:
        """The second step, of taps that Redis was asked for."""
        if replies is None or type(replies[0]) is not list:  # lost, or refused
            return Step(walks=[tap for tap, _, _ in asked])
        known: list[Resolved] = []
        walks: list[Tap] = []
        now_s = self._now()
        for (tap, domain, link_id), block in zip(asked, replies[0], strict=True):
            link = None
            if block is not None:
                self._memory.blocks.keep(link_id >> BLOCK_BITS, block)
                link = link_in(block, link_id)
            found = None if link is None else self._with_broadcast(domain, link_id, link, now_s)
            if found is None:
                walks.append(tap)
            else:
                known.append((tap, found))
        self._stats.redis += len(known)
        return Step(known, (), walks)

    def _with_broadcast(self, domain: Domain, link_id: int, link: Link, now_s: float) -> Found | None:
        broadcast = self._memory.broadcasts.fresh(link.broadcast_no, now_s)
        return None if broadcast is None else Found(domain, link_id, link, broadcast.value)
