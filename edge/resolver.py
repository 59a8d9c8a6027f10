"""Code -> link and broadcast, for the taps of one event-loop tick: what memory and one question to Redis know."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from edge.lookup_stats import LookupStats
from edge.memory import SMALL_BYTES, EdgeMemory
from edge.redis_connection import OnReplies, RedisUnavailable, Replies
from edge.redis_wire import RedisClient
from edge.tap import Resolved, Tap
from records.code import CodeCipher
from records.domain import Domain
from records.keys import bucket_of, field_of
from records.link import Link, decode_link
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
        return Step(known, asked, walks)

    def ask(self, asked: Sequence[Asked], on_replies: OnReplies) -> None:
        """Ask Redis; from_replies() reads what it says."""
        self._stats.batch_links.observe(len(asked))
        try:
            self._redis.hget_many([(bucket_of(link_id), field_of(link_id)) for _, _, link_id in asked], on_replies)
        except RedisUnavailable:
            on_replies(None)

    def from_replies(self, asked: Sequence[Asked], replies: Replies | None) -> Step:
        """The second step, of taps that Redis was asked for."""
        if replies is None:
            return Step(walks=[tap for tap, _, _ in asked])
        known: list[Resolved] = []
        walks: list[Tap] = []
        now_s = self._now()
        for (tap, domain, link_id), reply in zip(asked, replies, strict=True):
            found = self._from_reply(domain, link_id, reply, now_s)
            if found is None:
                walks.append(tap)
            else:
                known.append((tap, found))
        self._stats.redis += len(known)
        return Step(known, (), walks)

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
