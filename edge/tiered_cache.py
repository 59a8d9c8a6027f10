"""Records of one kind, from memory, Redis or ClickHouse: the first that has one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

from edge.batch_loader import BatchLoader, ResolveFailed
from edge.record_memory import FRESH_UNTRACKED_S, RecordMemory
from edge.redis_connection import Command, RedisUnavailable
from edge.redis_wire import RedisClient

K = TypeVar("K")
V = TypeVar("V")

Said = tuple[V | None]  # what Redis says of a key; (None,): that there is no such record any more
Loading = dict[K, "asyncio.Task[V | None]"]

PATIENCE_S = 0.25  # with a store that is silent, where memory has an answer that may be old


class TieredCache(Generic[K, V]):
    """read: the Redis commands for a key; decode: their replies, and None for those that say nothing of it;
    refill: commands that put an answer of ClickHouse into Redis without replacing a newer one.
    """

    def __init__(
        self,
        memory: RecordMemory[K, V],
        redis: RedisClient,
        loader: BatchLoader[K, V],
        limited_loader: BatchLoader[K, V] | None = None,
        *,
        read: Callable[[K], list[Command]],
        decode: Callable[[K, list[Any]], Said[V] | None],
        refill: Callable[[K, V], list[Command]],
    ) -> None:
        self._memory, self._redis = memory, redis
        self._loader, self._limited_loader = loader, limited_loader or loader
        self._read, self._decode, self._refill = read, decode, refill
        self._now = asyncio.get_running_loop().time

    async def get(self, key: K, *, is_limited: bool = False) -> V | None:
        """None where there is no such record. Raises ResolveFailed.

        is_limited: for an address prefix that asked for too many unknown names; TooManyLimited where too many wait.
        """
        entry = self._memory.fresh(key, self._now())
        if entry is not None:
            return entry.value
        loading = self._memory.loading_limited if is_limited else self._memory.loading
        load = loading.get(key) or self._start_load(key, loading, self._limited_loader if is_limited else self._loader)
        stale = self._memory.last_known(key)
        if stale is None:
            return await asyncio.shield(load)
        finished, _ = await asyncio.wait({load}, timeout=PATIENCE_S)
        if finished:
            return load.result()
        stale.fresh_until_s = self._now() + FRESH_UNTRACKED_S  # later visitors do not wait for the store as well
        return stale.value

    def _start_load(self, key: K, loading: "Loading[K, V]", loader: BatchLoader[K, V]) -> "asyncio.Task[V | None]":
        load = loading[key] = asyncio.get_running_loop().create_task(self._load(key, loading, loader))
        load.add_done_callback(_retrieve)
        return load

    async def _load(self, key: K, loading: "Loading[K, V]", loader: BatchLoader[K, V]) -> V | None:
        me = asyncio.current_task()
        try:
            said = await self._from_redis(key)
            value = said[0] if said is not None else await self._from_clickhouse(key, loader)
        except ResolveFailed:
            stale = self._memory.last_known(key)
            if stale is None:
                raise
            self._memory.keep_weighed(key, stale.value, self._now())
            return stale.value
        finally:
            is_current = loading.get(key) is me
            if is_current:
                del loading[key]
        if is_current:
            self._memory.keep_weighed(key, value, self._now())
        return value

    async def _from_redis(self, key: K) -> Said[V] | None:
        try:
            return self._decode(key, await self._redis.batch(self._read(key)))
        except (RedisUnavailable, msgspec.DecodeError, ValueError):  # ValueError: not UTF-8, or no number
            return None

    async def _from_clickhouse(self, key: K, loader: BatchLoader[K, V]) -> V | None:
        value = await loader.get(key)
        if value is not None:
            # A full or lost Redis is no harm: the next miss asks ClickHouse again.
            with suppress(RedisUnavailable):
                await self._redis.batch(self._refill(key, value))
        return value


def _retrieve(task: "asyncio.Task[Any]") -> None:
    """Mark a failure as seen: those that wait get it, and there may be nobody left."""
    if not task.cancelled():
        task.exception()
