"""How control processes hear from each other of keys that were made or revoked: one hash in Redis."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from redis.asyncio import Redis

from records.keys import KEY_NEWS

_VERSION = "version"


class News(msgspec.Struct, frozen=True):
    version: str  # differs after every change; "" where Redis has none
    revoked: dict[str, int]  # key id -> Unix milliseconds


class KeyNews:
    """Every call raises RedisError or OSError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self) -> News:
        told = {_text(name): _text(value) for name, value in (await self._redis.hgetall(KEY_NEWS)).items()}
        version = told.pop(_VERSION, "")
        return News(version, {key_id: int(ms) for key_id, ms in told.items() if ms.isdecimal()})

    async def tell(self, revoked: Mapping[str, int]) -> None:
        """Say that keys changed, and which of them were revoked; every process reads it within a second."""
        fields: dict[Any, Any] = {_VERSION: secrets.token_hex(8), **revoked}
        await self._redis.hset(KEY_NEWS, mapping=fields)

    async def forget(self, key_ids: Iterable[str]) -> None:
        await self._redis.hdel(KEY_NEWS, *key_ids)


def _text(value: bytes | str) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value
