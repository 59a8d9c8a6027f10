"""Sessions of browsers: a random id in a cookie, and in Redis which key it was made by.

Redis keeps the digest of the id, so that a reader of Redis can enter no session. A session ends when it is signed out,
when its key is revoked, or after SESSION_S by the clock of Redis.
"""

import secrets
from hashlib import sha256

from redis.asyncio import Redis

from control.access.caller import Caller
from control.access.key_ring import KeyRing
from records.keys import session_key

SESSION_S = 12 * 3_600
_LONGEST_ID = 64  # characters; a cookie is a text that anybody can send


class Sessions:
    """Every call raises RedisError or OSError."""

    def __init__(self, redis: Redis, ring: KeyRing) -> None:
        self._redis, self._ring = redis, ring

    async def begin(self, key: str) -> str | None:
        """The id of a new session; None for a key that is not in force."""
        reference = self._ring.reference_of(key)
        if reference is None:
            return None
        session_id = secrets.token_urlsafe(32)
        await self._redis.set(_place(session_id), reference, px=SESSION_S * 1_000)
        return session_id

    async def caller_of(self, session_id: str) -> Caller | None:
        """Whose session it is now; None where it has ended."""
        reference = await self.reference_of(session_id)
        return None if reference is None else self._ring.caller_by(reference)

    async def reference_of(self, session_id: str) -> str | None:
        """What names the key that it was made by; None where it has ended."""
        if len(session_id) > _LONGEST_ID:
            return None
        reference = await self._redis.get(_place(session_id))
        return reference.decode() if isinstance(reference, bytes) else None

    async def end(self, session_id: str) -> None:
        await self._redis.delete(_place(session_id))


def _place(session_id: str) -> str:
    return session_key(sha256(session_id.encode()).hexdigest())
