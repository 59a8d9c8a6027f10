"""Accounts: paths such as `acme` and `acme/seattle`. An account sees itself and all below it."""

import re

EVERY_ACCOUNT = "*"  # no account: the root of a key that sees all of them

MAX_ACCOUNT = 200  # characters: every key and every record holds its account, on every control process
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*", re.ASCII)


def is_account(text: str) -> bool:
    """Whether the text is a path of [a-z0-9_-] that can name an account, of at most MAX_ACCOUNT characters."""
    return len(text) <= MAX_ACCOUNT and _ACCOUNT.fullmatch(text) is not None


def within(account: str, root: str) -> bool:
    """Whether an account is `root` or lies below it: acme/seattle is within acme, acmeco is not."""
    return account == root or account.startswith(root + "/") or root == EVERY_ACCOUNT


def related(one: str, other: str) -> bool:
    """Whether two accounts are the same, or one lies below the other."""
    return within(one, other) or within(other, one)


def top_level(account: str) -> str:
    """The first part of its path: the account that sees all of this tree."""
    return account.partition("/")[0]
