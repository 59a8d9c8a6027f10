"""All keys that are in force, in memory: no call waits for a store to know who makes it."""

import msgspec

from control.access.api_key import ApiKey, Revoked, digest_of
from control.access.caller import Author, Caller
from control.access.given_keys import ApiKeys, OperatorKeys
from control.access.scopes import ALL_SCOPES
from records.account import within

GIVEN = "env-"  # begins the ids of keys that the environment gives


class KeyRing:
    """given, operators: keys of the environment; the others come from the table, by `learn`."""

    def __init__(self, given: ApiKeys, operators: OperatorKeys) -> None:
        self._given = {digest_of(key): _given_caller(key, given, operators) for key in {**given, **operators}}
        self._given_by_reference = {_reference(digest): caller for digest, caller in self._given.items()}
        self._by_digest: dict[str, ApiKey] = {}
        self._by_id: dict[str, ApiKey] = {}
        self._revoked: set[str] = set()  # ids that a row read before may still bring
        self._unrecorded: dict[str, Revoked] = {}  # by id: which the table does not say yet
        self.is_complete = False  # the table was read since the start
        self.newest_version = 0

    def caller_of(self, key: str) -> Caller | None:
        digest = digest_of(key)
        if (given := self._given.get(digest)) is not None:
            return given
        stored = self._by_digest.get(digest)
        return None if stored is None else _stored_caller(stored)

    def reference_of(self, key: str) -> str | None:
        """What names this key and opens nothing; None for a key that is not in force."""
        digest = digest_of(key)
        if digest in self._given:
            return _reference(digest)
        stored = self._by_digest.get(digest)
        return None if stored is None else stored.key_id

    def caller_by(self, reference: str) -> Caller | None:
        """Who makes a call by the key of this reference; None where that key is in force no longer."""
        if (given := self._given_by_reference.get(reference)) is not None:
            return given
        stored = self._by_id.get(reference)
        return None if stored is None else _stored_caller(stored)

    def find(self, key_id: str) -> ApiKey | None:
        """The key that is in force under this id."""
        return self._by_id.get(key_id)

    def within(self, account: str) -> list[ApiKey]:
        """The keys in force of an account and of those below it, in the order in which they were made."""
        found = [key for key in self._by_id.values() if within(key.account, account)]
        return sorted(found, key=lambda key: (key.created_at_ms, key.key_id))

    def learn(self, row: ApiKey) -> None:
        """Take in a row of the table, however old: what was revoked never comes back."""
        self.newest_version = max(self.newest_version, row.version)
        if row.revoked_at_ms:
            self._drop(row.key_id)
            self._revoked.discard(row.key_id)
            self._unrecorded.pop(row.key_id, None)
        elif row.key_id not in self._revoked:
            self._by_id[row.key_id] = self._by_digest[row.digest] = row

    def revoke(self, key_id: str, revoked_at_ms: int, by: Author) -> None:
        """In force immediately, here; what the table lacks is among `unrecorded` until it is `recorded`."""
        key = self._drop(key_id)
        if key is not None:
            version = max(revoked_at_ms, key.version + 1)
            self._revoked.add(key_id)
            row = msgspec.structs.replace(key, revoked_at_ms=revoked_at_ms, version=version)
            self._unrecorded[key_id] = Revoked(key, row, by)

    def recorded(self, key_id: str) -> None:
        self._unrecorded.pop(key_id, None)

    @property
    def unrecorded(self) -> list[Revoked]:
        """Revoked keys of which the table does not say so yet."""
        return list(self._unrecorded.values())

    def _drop(self, key_id: str) -> ApiKey | None:
        key = self._by_id.pop(key_id, None)
        if key is not None:
            del self._by_digest[key.digest]
        return key


def _given_caller(key: str, given: ApiKeys, operators: OperatorKeys) -> Caller:
    account, name = given.get(key, ""), operators.get(key, "")
    return Caller(account, ALL_SCOPES if account else (), key in operators, name or _reference(digest_of(key)))


def _reference(digest: str) -> str:
    """Some bits of the digest: enough to tell keys apart in `changes`, and nothing to guess a key by."""
    return f"{GIVEN}{digest[:8]}"


def _stored_caller(key: ApiKey) -> Caller:
    return Caller(key.account, key.scopes, key_id=key.key_id)
