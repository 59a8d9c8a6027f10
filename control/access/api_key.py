"""A key that the API made: its row, and how it is made."""

import secrets
from hashlib import sha256
from typing import Any

import msgspec

from control.access.caller import Author
from control.access.scopes import Scope, in_order
from records.tables import Table


class ApiKey(msgspec.Struct, frozen=True, array_like=True):
    """One key. Fields are the columns of table `api_keys`; every write is a row, the highest version is in force."""

    key_id: str
    account: str
    name: str
    scopes: tuple[Scope, ...]
    digest: str
    created_at_ms: int  # Unix milliseconds, as the next two
    revoked_at_ms: int = 0  # 0: it is in force
    version: int = 0

    @property
    def deleted(self) -> bool:
        return self.revoked_at_ms != 0


class Revoked(msgspec.Struct, frozen=True):
    """A key that is void, until the table says so."""

    key: ApiKey  # as the table has it
    row: ApiKey  # as it should
    by: Author


API_KEYS = Table("taptrail_internal.api_keys", ApiKey, "key_id")


def shown_of_key(key: ApiKey) -> dict[str, Any]:
    """What people may see of it: never its digest."""
    return {"account": key.account, "name": key.name, "scopes": list(key.scopes)}


def made_key(account: str, name: str, scopes: tuple[Scope, ...], now_ms: int) -> tuple[ApiKey, str]:
    """A new key, as a row and as its holder needs it."""
    key = f"tt_{secrets.token_urlsafe(32)}"
    row = ApiKey(secrets.token_hex(8), account, name, in_order(scopes), digest_of(key), now_ms, version=now_ms)
    return row, key


def digest_of(key: str) -> str:
    """SHA-256 in hexadecimal, all that is kept of a key.

    A fast hash without salt is right here, where it would be wrong for a password: a key is 256 random bits, so there
    is nothing to guess and no two are alike. Keys are looked up by their digest: how long that takes tells of digests
    at most, and a digest opens nothing.
    """
    return sha256(key.encode()).hexdigest()
