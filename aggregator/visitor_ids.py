"""Who is behind visits: a hash with a salt that lives two days, so that nobody can be followed for longer."""

import asyncio
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from redis.asyncio import Redis
from siphashc import siphash

from records.keys import salt_key

SALT_BYTES = 16
SALT_LIFE_S = 48 * 3600  # today's clicks, and yesterday's that arrive late
DAY_MS = 86_400_000
# allow-oom: what empties a full Redis must not wait for it to be emptied.
_MAKE = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])"


class Salts:
    """The salts of days, one for all aggregators. Redis alone keeps them: when it drops one, it is gone for good.

    client: without decode_responses. A salt that Redis has lost is made anew: that day's visitors then count twice.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def for_days(self, days: Iterable[str]) -> dict[str, bytes]:
        """The salt of each day (day_of), made where there is none yet; raises redis.RedisError."""
        wanted = list(dict.fromkeys(days))
        return dict(zip(wanted, await asyncio.gather(*map(self._salt, wanted)), strict=True))

    async def _salt(self, day: str) -> bytes:
        key = salt_key(day)
        while True:
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.eval(_MAKE, 1, key, secrets.token_bytes(SALT_BYTES), SALT_LIFE_S)
                pipeline.get(key)
                _, salt = await pipeline.execute()
            if salt is not None:
                return bytes(salt)


def day_of(clicked_at_ms: int) -> str:
    """The UTC day of an instant, as YYYY-MM-DD."""
    return _day_name(clicked_at_ms // DAY_MS)


@lru_cache(1024)
def _day_name(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def visitor_id(salt: bytes, address16: bytes, user_agent: str) -> int:
    """64 bits that tell visitors of one day apart; never 0. SipHash-2-4 under a random key cannot be undone without it.

    salt: 16 bytes; user_agent: as the row keeps it.
    """
    return siphash(salt, address16 + user_agent.encode()) or 1
