"""What an edge keeps in memory of one kind of record: memory -> Redis -> ClickHouse."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Any, Generic, TypeVar

import hiredis
import msgspec

from edge.clickhouse_loader import BatchLoader, ResolveFailed
from edge.redis_wire import Command, RedisUnavailable, RedisWire

K = TypeVar("K")
V = TypeVar("V")

FRESH_S = 30.0  # the net under the invalidations
FRESH_UNTRACKED_S = 0.5  # while no invalidation can arrive: a change must be in force within a second
PATIENCE_S = 0.25  # with a store that is silent, where memory has an answer that may be old
UNKNOWN_S = 2.0  # how long "there is no such record" is believed


class CachedRecord(msgspec.Struct, Generic[V], gc=False):
    value: V | None
    fresh_until: float


class TieredCache(Generic[K, V]):
    """Records of one kind, by key. `capacity` bounds the memory; the oldest entry makes room.

    read: the Redis command for a key; decode: its reply; refill: commands that put an answer of ClickHouse into Redis
    without replacing a newer one.
    """

    def __init__(
        self,
        wire: RedisWire,
        loader: BatchLoader[K, V],
        *,
        read: Callable[[K], Command],
        decode: Callable[[bytes], V],
        refill: Callable[[K, V], list[Command]],
        capacity: int,
        changes: bool = True,
    ) -> None:
        self._wire, self._loader = wire, loader
        self._read, self._decode, self._refill = read, decode, refill
        self._capacity = capacity
        self._changes = changes  # False: a record never changes, so what is in memory stays true
        self._entries: dict[K, CachedRecord[V]] = {}
        # Keys in the order in which they came, round and round. The dict knows that order too, but to find its oldest
        # entry it passes over all that were ever removed: 8 us a tap once it is full.
        self._order: list[K | None] = [None] * capacity
        self._oldest = 0
        self._loading: dict[K, asyncio.Task[V | None]] = {}
        self._now = asyncio.get_running_loop().time

    def fresh(self, key: K, now_s: float) -> CachedRecord[V] | None:
        """What memory says, if it may be believed at now_s; a CachedRecord of None for "there is no such record"."""
        entry = self._entries.get(key)
        if entry is None or entry.fresh_until <= now_s:
            return None
        return entry

    async def get(self, key: K) -> V | None:
        """None where there is no such record. Raises ResolveFailed."""
        entry = self.fresh(key, self._now())
        if entry is not None:
            return entry.value
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.get_running_loop().create_task(self._load(key))
            task.add_done_callback(_retrieve)
        stale = self._entries.get(key)
        if stale is None or stale.value is None:
            return await asyncio.shield(task)
        finished, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        if finished:
            return task.result()
        stale.fresh_until = self._now() + FRESH_UNTRACKED_S  # not every visitor is to be as patient
        return stale.value

    async def is_near(self, key: K) -> bool:
        """Whether memory, be it fresh or not, or Redis has such a record."""
        entry = self._entries.get(key)
        return (entry is not None and entry.value is not None) or await self._from_redis(key) is not None

    def keep(self, key: K, value: V | None) -> None:
        """Remember what was just read."""
        fresh_until = inf
        if value is None or self._changes:
            longest_s = UNKNOWN_S if value is None else FRESH_S
            fresh_until = self._now() + (longest_s if self._wire.connected else FRESH_UNTRACKED_S)
        entries, place = self._entries, self._oldest
        if key not in entries:
            entries.pop(self._order[place], None)  # type: ignore[arg-type]
            self._order[place] = key
            self._oldest = place + 1 if place + 1 < self._capacity else 0
        entries[key] = CachedRecord(value, fresh_until)

    def forget(self, key: K) -> None:
        """The record changed. A load on its way may have read the old one: it is not kept."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.fresh_until = 0.0
        self._loading.pop(key, None)

    def forget_all(self) -> None:
        """Nothing is fresh any more; values stay for when nobody can be asked."""
        self._loading.clear()
        for key, entry in list(self._entries.items()):
            if entry.value is None:
                del self._entries[key]  # its place in the order stays until it is the oldest
            elif self._changes:
                entry.fresh_until = 0.0

    def distrust(self) -> None:
        """Invalidations may have been missed for as long as the loss went unnoticed: ask again at once."""
        until = self._now()
        for entry in self._entries.values():
            if self._changes or entry.value is None:
                entry.fresh_until = min(entry.fresh_until, until)

    async def _load(self, key: K) -> V | None:
        me = asyncio.current_task()
        try:
            value = await self._from_redis(key)
            if value is None:
                value = await self._from_clickhouse(key)
        except ResolveFailed:
            stale = self._entries.get(key)
            if stale is None or stale.value is None:
                raise
            self.keep(key, stale.value)
            return stale.value
        finally:
            current = self._loading.get(key) is me
            if current:
                del self._loading[key]
        if current:
            self.keep(key, value)
        return value

    async def _from_redis(self, key: K) -> V | None:
        try:
            reply = await self._wire.call(*self._read(key))
            return None if reply is None else self._decode(reply)
        except (RedisUnavailable, hiredis.ReplyError, msgspec.DecodeError, ValueError):
            return None

    async def _from_clickhouse(self, key: K) -> V | None:
        value = await self._loader.get(key)
        if value is not None:
            # A full or lost Redis is no harm: the next miss asks ClickHouse again.
            with suppress(RedisUnavailable):
                await self._wire.batch(self._refill(key, value))
        return value


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Mark a failure as seen: whoever waits gets it, and there may be nobody left."""
    if not task.cancelled():
        task.exception()
