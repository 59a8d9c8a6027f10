"""Who is behind visits: a hash with a salt that lives two days, so that nobody can be followed for longer."""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from redis.asyncio import Redis
from redis.exceptions import ResponseError
from siphashc import siphash

from records.keys import salt_key

SALT_BYTES = 16
SALT_LIFE_S = 48 * 3600  # today's clicks, and yesterday's that arrive late
DAY_MS = 86_400_000
log = logging.getLogger(__name__)

# allow-oom: what empties a full Redis must not wait for it to be emptied.
_MAKE = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])"


class Salts:
    """The salts of days, one for all aggregators. Redis alone keeps them, until its file is rewritten.

    client: without decode_responses. A salt that Redis lost is replaced: visitors of that day then count twice.
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
                is_new, salt = await pipeline.execute()
            if is_new:
                await self._forget_before(day)
            if salt is not None:
                return bytes(salt)

    async def _forget_before(self, day: str) -> None:
        """Remove the salt that is over, also from Redis' append-only file, which keeps it until it is rewritten."""
        await self._client.delete(salt_key(_days_before(day, 2)))
        try:
            await self._client.bgrewriteaof()
        except ResponseError as error:  # under way already, or a user that may not: expired salts stay in the file
            log.warning("salt_file_not_rewritten: Redis keeps expired salts in its file", extra={"error": str(error)})


def day_of(clicked_at_ms: int) -> str:
    """The UTC day of an instant, as YYYY-MM-DD."""
    return _day_name(clicked_at_ms // DAY_MS)


def _days_before(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


@lru_cache(1024)
def _day_name(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


def visitor_id(salt: bytes, address16: bytes, user_agent: str) -> int:
    """64 bits that tell visitors of one day apart; never 0. SipHash-2-4 under a random key cannot be undone without it.

    salt: 16 bytes; user_agent: as the row keeps it.
    """
    return siphash(salt, address16 + user_agent.encode()) or 1
