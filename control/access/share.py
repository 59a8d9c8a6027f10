"""A share: an address that shows one report to whoever has it. Its row, and how its token is made."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b, sha256
from hmac import compare_digest
from typing import Any

import msgspec

from records.forms import moment_of
from records.tables import Table

_RANDOM, _MARK = 24, 12  # bytes of a token: what cannot be guessed, and what says that Taptrail made it
TOKEN = 48  # characters


class Share(msgspec.Struct, frozen=True, array_like=True):
    """Fields are the columns of table `shares`; every write is a row, the highest version is in force."""

    share_id: str
    account: str
    broadcast_id: str
    digest: str
    created_at_ms: int  # Unix milliseconds, as the next two
    expires_at_ms: int
    revoked_at_ms: int = 0  # 0: it is in force
    version: int = 0

    @property
    def deleted(self) -> bool:
        return self.revoked_at_ms != 0


class Made(msgspec.Struct, frozen=True, array_like=True):
    """A share in force, and whose key made it: both "" for one that is older than the history of changes."""

    share_id: str
    created_at_ms: int  # Unix milliseconds, as the next
    expires_at_ms: int
    who_account: str
    who_key: str


SHARES = Table("taptrail_internal.shares", Share, "account, broadcast_id, share_id")


def shown_of_share(share: Share) -> dict[str, Any]:
    """What people may see of it: never its digest."""
    return {"broadcast_id": share.broadcast_id, "expires_at": moment_of(share.expires_at_ms)}


class Tokens:
    """Makes tokens, and knows one by itself: what was never made is refused before any store is asked."""

    def __init__(self, code_key: bytes) -> None:
        self._key = blake2b(b"taptrail share", key=code_key).digest()

    def make(self) -> str:
        random = secrets.token_bytes(_RANDOM)
        return urlsafe_b64encode(random + self._mark(random)).decode()

    def is_one(self, token: str) -> bool:
        if len(token) != TOKEN or not token.isascii():
            return False
        try:
            data = urlsafe_b64decode(token)
        except ValueError:
            return False
        return len(data) == _RANDOM + _MARK and compare_digest(self._mark(data[:_RANDOM]), data[_RANDOM:])

    def _mark(self, random: bytes) -> bytes:
        return blake2b(random, key=self._key, digest_size=_MARK).digest()


def digest_of(token: str) -> str:
    """All that is kept of a token: 192 random bits need no salt and no slow hash."""
    return sha256(token.encode()).hexdigest()
