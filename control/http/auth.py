"""Whose call it is: bearer keys, and the account a call addresses."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Self

import msgspec

from control.http.problems import Problem, invalid
from records.account import is_account, within
from runtime.json_faults import described


class ApiKeys(dict[str, str]):
    """Key -> account, given as account:key pairs separated by commas."""

    EXPECTED: ClassVar[str] = "account:key,account:key"

    @classmethod
    def parse(cls, text: str) -> Self:
        keys = cls()
        for pair in text.split(","):
            account, colon, key = pair.strip().partition(":")
            if not colon or not is_account(account):
                raise ValueError("an entry is not account:key, with the account a path of [a-z0-9_-]")
            if len(key) < 16:
                raise ValueError(f"the key of account {account} has {len(key)} characters, at least 16 are needed")
            if key in keys:
                raise ValueError(f"accounts {keys[key]} and {account} have the same key")
            keys[key] = account
        return keys


class Caller(msgspec.Struct, frozen=True):
    """Who makes a call: known once, from its key."""

    root: str  # the account of the key, which sees itself and all below it

    def account(self, in_query: str | None, in_body: str | None = None) -> str:
        """The account the call is about: the key's own, or one below it that query or body name; raises Problem."""
        if in_query and in_body and in_query != in_body:
            raise invalid("account", f"the body says {in_body}, the query says {in_query}; say it once")
        account = in_body or in_query or self.root
        if not is_account(account):
            detail = f"account is {described(account)}; expected a path of [a-z0-9_-] like acme/seattle"
            raise invalid("account", detail)
        if not within(account, self.root):
            raise Problem("not-found", f"there is no account {account} for this key", field="account")
        return account

    def check_top_level(self) -> None:
        """Raises Problem for a key of a sub-account: calls about the whole installation need a top-level account."""
        if "/" in self.root:
            raise Problem("not-found", f"not available to account {self.root}: needs the key of a top-level account")


class Keys:
    """The API keys. accounts: key -> account."""

    def __init__(self, accounts: Mapping[str, str]) -> None:
        # Digests have one length, so that a comparison does not reveal the length of a key.
        self._accounts = [(sha256(key.encode()).digest(), account) for key, account in accounts.items()]

    def caller_of(self, authorization: str) -> Caller:
        """Who sent this Authorization header; raises Problem. Takes equally long for every key."""
        scheme, _, key = authorization.partition(" ")
        given = sha256(key.strip().encode()).digest()
        root = ""
        for digest, account in self._accounts:
            if hmac.compare_digest(digest, given):
                root = account
        if scheme.lower() != "bearer" or not root:
            what = "is missing" if not authorization else "does not carry a known key"
            raise Problem("unauthorized", f"the header Authorization {what}; expected: Authorization: Bearer <key>")
        return Caller(root)
