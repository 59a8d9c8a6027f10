"""How many link ids were issued: a code beyond is junk or a scan, and is refused before any look-up of a link."""

import asyncio

import hiredis

from edge.clickhouse_loader import ISSUED_IDS, ClickHouseLoader
from edge.redis_wire import RedisUnavailable, RedisWire
from records.code import DOMAIN
from records.keys import ALLOCATED

FRESH_S = 0.05


class IssuedIds:
    """Redis keeps the counter. A Redis that was replaced may know too little: a replica that had not heard of the
    latest links is promoted. Ids are never taken back, so the highest count ever seen stays true; and once a
    connection, ClickHouse is asked before a code is called unknown.
    """

    def __init__(self, wire: RedisWire, loader: ClickHouseLoader) -> None:
        self._wire, self._loader = wire, loader
        self.below = 0  # ids below it may have been issued; DOMAIN where Redis cannot say
        self._highest = 0  # ever seen
        self._confirmed = False  # ClickHouse had no more on this connection, or that more is known
        self._asked_at = 0.0
        self._changes = 0
        self._asking: asyncio.Task[None] | None = None
        self._now = asyncio.get_running_loop().time

    async def includes(self, link_id: int) -> bool:
        """False for an id that was never issued. Raises ResolveFailed when nothing reachable can say."""
        if link_id >= self.below:
            await self._refresh()
        if link_id >= self.below and not self._confirmed:
            await self._confirm()
        return link_id < self.below

    def changed(self) -> None:
        """Redis says that the counter was written."""
        self._changes += 1
        self._asked_at = 0.0
        if self.below == DOMAIN:
            self.below = self._highest

    def reconnected(self) -> None:
        """Another Redis may be answering from now on, or the same one without its data."""
        self.changed()
        self.below = self._highest
        self._confirmed = False

    def lost(self) -> None:
        """Nobody tells of new links any more: every code may be one."""
        self._changes += 1
        self.below = DOMAIN

    async def _refresh(self) -> None:
        if self._now() - self._asked_at < FRESH_S:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
        await asyncio.shield(self._asking)

    async def _ask(self) -> None:
        changes = self._changes
        try:
            reply = await self._wire.call("GET", ALLOCATED)
        except (RedisUnavailable, hiredis.ReplyError):
            reply = None
        if reply is None or not self._wire.connected:
            self.below = DOMAIN
        else:
            self._learn(int(reply))
        if changes == self._changes:
            self._asked_at = self._now()

    def _learn(self, count: int) -> None:
        if count < self._highest:
            self._confirmed = False
        self._highest = self.below = max(count, self._highest)

    async def _confirm(self) -> None:
        changes = self._changes
        count = await self._loader.issued_ids.get(ISSUED_IDS)
        if self.below != DOMAIN:
            self._highest = self.below = max(count or 0, self._highest)
        # Whoever mints raises the counter to what ClickHouse has, so the counter of this connection is right from now.
        self._confirmed = changes == self._changes
