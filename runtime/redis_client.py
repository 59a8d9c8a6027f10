"""The client of Redis for processes that are not the edge (edge/redis_wire.py is the edge's)."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from hiredis import pack_command
from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from runtime.admission import lasting_trouble_of_redis, refuses_user


def redis_client(url: str, *, timeout_s: float, connect_timeout_s: float, reconnects: int = 0) -> Redis:
    """A client whose calls end when their task is cancelled; close it with aclose().

    timeout_s bounds each wait for an answer; a wait that was in vain is never repeated.
    reconnects: how often a call whose connection was lost is sent again over a new one. 0 where sending a command
    twice does something else than sending it once.
    """
    options: dict[str, Any] = {**parse_url(url)}
    options["connection_class"] = _TlsConnection if url.startswith("rediss:") else _PlainConnection
    pool = ConnectionPool(
        **options, socket_timeout=timeout_s, socket_connect_timeout=connect_timeout_s,
        retry=Retry(NoBackoff(), reconnects, supported_errors=(RedisConnectionError,)),
    )  # fmt: skip
    return Redis.from_pool(pool)


async def leave_replica(client: Redis, error: Exception) -> None:
    """Close every idle connection if Redis refused a write as a replica: a new one may lead to the promoted primary."""
    if isinstance(error, ReadOnlyError):
        with suppress(RedisError, OSError):  # closed either way
            await client.connection_pool.disconnect(inuse_connections=False)


async def refused_by_redis(client: Redis) -> str:
    """What keeps its user out. "" also where it is away."""
    try:
        await client.ping()
    except (AuthenticationError, NoPermissionError) as error:
        return refuses_user(str(error))
    except (RedisError, OSError) as error:
        return lasting_trouble_of_redis(error)
    return ""


class _OurConnection(AbstractConnection):
    # redis-py packs a command argument by argument: 0.8 us a minted link; hiredis: 0.2.
    def pack_command(self, *args: Any) -> list[bytes]:
        return [pack_command((*args[0].split(), *args[1:]))]  # "MEMORY USAGE" are two words to Redis

    # redis-py sends through asyncio.wait_for. Before Python 3.12 that swallows a cancellation which arrives as it ends
    # (https://github.com/python/cpython/issues/86296): a loop that asks Redis would go on, and its process never stop.
    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)
        if task and task.cancelling() > cancelled_before:
            await self.disconnect(nowait=True)  # nobody will read the answer
            raise asyncio.CancelledError


class _PlainConnection(_OurConnection, Connection):
    pass


class _TlsConnection(_OurConnection, SSLConnection):
    pass
