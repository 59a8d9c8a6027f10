"""The name of Redis may lead to another one than the connections do: a replica was promoted, the former is one now."""

from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError, RedisError


async def leave_replica(client: Redis, error: Exception) -> None:
    """Where Redis refused to write because it is a replica: let every idle connection go, so that the next is new."""
    if isinstance(error, ReadOnlyError):
        with suppress(RedisError, OSError):  # they are gone all the same
            await client.connection_pool.disconnect(inuse_connections=False)
