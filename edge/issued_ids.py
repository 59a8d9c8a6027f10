"""How many link ids were issued: a code beyond is junk or a scan, and is refused before any look-up of a link."""

import asyncio

import hiredis

from edge.clickhouse_loader import ISSUED_IDS, ClickHouseLoader
from edge.redis_connection import RedisUnavailable
from edge.redis_wire import RedisClient
from records.code import DOMAIN
from records.keys import ALLOCATED

FRESH_S = 0.05


class IssuedIds:
    """What this process knows of the counter that Redis keeps. Without I/O: its caller reports changes.

    A Redis that was replaced may know too little: a replica that had not heard of the latest links is promoted. Ids
    are never taken back, so the highest count ever seen stays true; and once a connection, ClickHouse is asked before
    a code is called unknown.

    | event                          | below                                      | is_confirmed              |
    |--------------------------------|--------------------------------------------|---------------------------|
    | connected, flushed             | the highest count seen                     | no                        |
    | changed: the counter rose      | as it was; the highest seen after DOMAIN   | as it was                 |
    | Redis counts n                 | n, or the highest seen                     | no where n is the smaller |
    | Redis cannot say, lost         | DOMAIN: every code may be a link           | as it was                 |
    | ClickHouse counts n            | n, or the highest seen; DOMAIN stays       | yes, unless outdated      |
    """

    def __init__(self) -> None:
        self.below = 0  # ids below it may have been issued
        self.is_confirmed = False  # ClickHouse had no more on this connection
        self.changes = 0  # a count that was asked for before the last change is outdated
        self._is_tracked = False
        self._highest = 0
        self._asked_at_s = 0.0

    def connected(self) -> None:
        """Another Redis may be answering from now on, or the same one without its data."""
        self._is_tracked = True
        self.flushed()

    def flushed(self) -> None:
        self.changed()
        self.below = self._highest
        self.is_confirmed = False

    def changed(self) -> None:
        self.changes += 1
        self._asked_at_s = 0.0
        if self.below == DOMAIN:
            self.below = self._highest

    def lost(self) -> None:
        """New links are not heard of any more."""
        self._is_tracked = False
        self.changes += 1
        self.below = DOMAIN

    def is_fresh(self, now_s: float) -> bool:
        """Whether Redis was asked a moment ago, and nothing changed since."""
        return now_s - self._asked_at_s < FRESH_S

    def redis_counts(self, count: int | None, *, asked_at_change: int, now_s: float) -> None:
        """None: it cannot say."""
        if count is None or not self._is_tracked:
            self.below = DOMAIN
        else:
            self.is_confirmed &= count >= self._highest
            self._highest = self.below = max(count, self._highest)
        if asked_at_change == self.changes:
            self._asked_at_s = now_s

    def clickhouse_counts(self, count: int, *, asked_at_change: int) -> None:
        if self.below != DOMAIN:
            self._highest = self.below = max(count, self._highest)
        # Minting raises the counter to what ClickHouse has, so the counter of this connection is right from now on.
        self.is_confirmed = asked_at_change == self.changes


class IssuedIdCheck:
    """Asks Redis, and ClickHouse behind it, whether an id was issued; what they say is kept in `issued`."""

    def __init__(self, issued: IssuedIds, redis: RedisClient, loader: ClickHouseLoader) -> None:
        self._issued, self._redis, self._loader = issued, redis, loader
        self._asking: asyncio.Task[None] | None = None
        self._now = asyncio.get_running_loop().time

    async def includes(self, link_id: int) -> bool:
        """False for an id that was never issued. Raises ResolveFailed when nothing reachable can say."""
        issued = self._issued
        if link_id >= issued.below and not issued.is_fresh(self._now()):
            await self._ask_redis_once()
        if link_id >= issued.below and not issued.is_confirmed:
            await self._ask_clickhouse()
        return link_id < issued.below

    async def _ask_redis_once(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_redis())
        await asyncio.shield(self._asking)

    async def _ask_redis(self) -> None:
        asked_at_change = self._issued.changes
        try:
            reply = await self._redis.call("GET", ALLOCATED)
        except (RedisUnavailable, hiredis.ReplyError):
            reply = None
        count = None if reply is None else int(reply)
        self._issued.redis_counts(count, asked_at_change=asked_at_change, now_s=self._now())

    async def _ask_clickhouse(self) -> None:
        asked_at_change = self._issued.changes
        count = await self._loader.issued_ids.get(ISSUED_IDS)
        self._issued.clickhouse_counts(count or 0, asked_at_change=asked_at_change)
