"""The salts of visitors' ids: one a day, alive for two, so that nobody can be followed for longer."""

import asyncio
import logging
import secrets
from collections.abc import Iterable

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from aggregator.days import date_of
from records.keys import salt_key

SALT_BYTES = 16
SALT_LIFE_S = 48 * 3600  # today's clicks, and yesterday's that arrive late
log = logging.getLogger(__name__)

# allow-oom: what empties a full Redis must not wait for it to be emptied.
_MAKE = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])"


class Salts:
    """The salts of days, one for all aggregators. Redis alone keeps them, until its file is rewritten.

    client: without decode_responses. A salt that Redis lost is replaced: visitors of that day then count twice.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def for_days(self, days: Iterable[int]) -> dict[int, bytes]:
        """The salt of each day (day_of), made where there is none yet; raises redis.RedisError."""
        wanted = list(dict.fromkeys(days))
        return dict(zip(wanted, await asyncio.gather(*map(self._salt, wanted)), strict=True))

    async def _salt(self, day: int) -> bytes:
        key = _key_of(day)
        while True:
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.eval(_MAKE, 1, key, secrets.token_bytes(SALT_BYTES), SALT_LIFE_S)
                pipeline.get(key)
                is_new, salt = await pipeline.execute()
            if is_new:
                await self._forget_before(day)
            if salt is not None:
                return bytes(salt)

    async def _forget_before(self, day: int) -> None:
        """Remove the salt that is over, also from Redis' append-only file, which keeps it until it is rewritten."""
        await self._client.delete(_key_of(day - 2))
        try:
            await self._client.bgrewriteaof()
        except ResponseError as error:  # under way already, or a user that may not: expired salts stay in the file
            log.warning("salt_file_not_rewritten: Redis keeps expired salts in its file", extra={"error": str(error)})


def _key_of(day: int) -> str:
    return salt_key(date_of(day).isoformat())
