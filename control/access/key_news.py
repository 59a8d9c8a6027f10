"""How control processes hear from each other of keys that were made or revoked: one hash in Redis."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from redis.asyncio import Redis

from control.access.caller import Author
from records.keys import KEY_NEWS

_VERSION = "version"


class Revocation(msgspec.Struct, frozen=True):
    revoked_at_ms: int  # Unix milliseconds
    by: Author


class News(msgspec.Struct, frozen=True):
    version: str  # differs after every change; "" where Redis has none
    revoked: dict[str, Revocation]  # by key id


class KeyNews:
    """Every call raises RedisError or OSError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self) -> News:
        told = {_text(name): _text(value) for name, value in (await self._redis.hgetall(KEY_NEWS)).items()}
        version = told.pop(_VERSION, "")
        read = {key_id: _revocation(text) for key_id, text in told.items()}
        return News(version, {key_id: revocation for key_id, revocation in read.items() if revocation})

    async def tell(self, revoked: Mapping[str, Revocation]) -> None:
        """Say that keys changed, and which of them were revoked; every process reads it within a second."""
        fields: dict[Any, Any] = {
            key_id: f"{one.revoked_at_ms} {one.by.account} {one.by.key}" for key_id, one in revoked.items()
        }
        fields[_VERSION] = secrets.token_hex(8)
        await self._redis.hset(KEY_NEWS, mapping=fields)

    async def forget(self, key_ids: Iterable[str]) -> None:
        await self._redis.hdel(KEY_NEWS, *key_ids)


def _revocation(text: str) -> Revocation | None:
    """None for what `tell` did not write."""
    ms, _, by = text.partition(" ")
    account, _, key = by.partition(" ")
    return Revocation(int(ms), Author(account, key)) if ms.isdecimal() and len(ms) < 16 else None


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
