"""Whose call it is: bearer keys, and the account a call addresses."""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256

from control.http.problems import Problem, described, invalid

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*", re.ASCII)


def within(account: str, root: str) -> bool:
    """Whether an account is `root` or lies below it: acme/seattle is within acme, acmeco is not."""
    return account == root or account.startswith(root + "/")


def check_top_level(root: str) -> None:
    """Raises Problem for a key of a sub-account: what concerns the whole installation lies outside of its account."""
    if "/" in root:
        detail = f"there is no such thing for account {root}: it concerns all accounts, and needs a top-level one's key"
        raise Problem("not-found", detail)


class Keys:
    """The API keys. accounts: key -> account."""

    def __init__(self, accounts: Mapping[str, str]) -> None:
        # Digests have one length, so that a comparison tells nothing of a key's length either.
        self._accounts = [(sha256(key.encode()).digest(), account) for key, account in accounts.items()]

    def account_of(self, authorization: str) -> str:
        """The account of an Authorization header; raises Problem. Takes equally long for every key."""
        scheme, _, key = authorization.partition(" ")
        given = sha256(key.strip().encode()).digest()
        found = ""
        for digest, account in self._accounts:
            if hmac.compare_digest(digest, given):
                found = account
        if scheme.lower() != "bearer" or not found:
            what = "is missing" if not authorization else "carries no key known here"
            raise Problem("unauthorized", f"the header Authorization {what}; expected: Authorization: Bearer <key>")
        return found


def addressed(root: str, in_query: str | None, in_body: str | None = None) -> str:
    """The account a call is about: `root`, or one below it that the query or the body names; raises Problem."""
    if in_query and in_body and in_query != in_body:
        raise invalid("account", f"the body says {in_body}, the query says {in_query}; say it once")
    account = in_body or in_query or root
    if not _ACCOUNT.fullmatch(account):
        raise invalid("account", f"account is {described(account)}; expected a path of [a-z0-9_-] like acme/seattle")
    if not within(account, root):
        raise Problem("not-found", f"there is no account {account} for this key", field="account")
    return account
