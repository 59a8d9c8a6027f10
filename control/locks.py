"""One writer at a time for a named thing: within this process exactly, among processes through Redis."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.http.problems import Problem
from records.keys import lock_key

LEASE_MS = 15_000
RENEW_S = 4.0

# A Redis that lost the lock gets it again, unless somebody else has it by now.
_RENEW = """
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Locks:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._here: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def hold(self, name: str, *, wait_s: float) -> AsyncIterator[None]:
        """Hold the thing; raises Problem when another process still holds it after wait_s.

        Without Redis it is held within this process alone: a broadcast can be stopped during an outage.
        """
        lock = self._here.setdefault(name, asyncio.Lock())
        async with lock:
            token = secrets.token_hex(8)
            if not await self._acquire(lock_key(name), token, wait_s):
                yield
                return
            released = asyncio.Event()
            renewing = asyncio.create_task(self._renew(lock_key(name), token, released))
            try:
                yield
            finally:
                released.set()
                await renewing  # not cancelled: a renewal under way would bring the lock back after its release
                with contextlib.suppress(RedisError, OSError):
                    await self._redis.eval(_RELEASE, 1, lock_key(name), token)

    async def _acquire(self, key: str, token: str, wait_s: float) -> bool:
        """False when Redis cannot be asked."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            try:
                if await self._redis.set(key, token, nx=True, px=LEASE_MS):
                    return True
            except (RedisError, OSError):
                return False
            if asyncio.get_running_loop().time() >= deadline:
                detail = "another request is doing the same at this moment; send this one again in a moment"
                raise Problem("in-progress", detail, retry_after_s=2)
            await asyncio.sleep(0.05)

    async def _renew(self, key: str, token: str, released: asyncio.Event) -> None:
        while not released.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(released.wait(), RENEW_S)
                return
            with contextlib.suppress(RedisError, OSError):
                await self._redis.eval(_RENEW, 1, key, token, LEASE_MS)
