"""The keys that the environment gives: TAPTRAIL_API_KEYS and TAPTRAIL_OPERATOR_KEYS."""

from typing import ClassVar, Self

from records.account import EVERY_ACCOUNT, is_account

MIN_LENGTH = 16


class ApiKeys(dict[str, str]):
    """Key -> account, given as account:key pairs separated by commas."""

    EXPECTED: ClassVar[str] = "account:key,account:key"

    @classmethod
    def parse(cls, text: str) -> Self:
        keys = cls()
        for pair in text.split(","):
            account, colon, key = pair.strip().partition(":")
            if not colon or not (is_account(account) or account == EVERY_ACCOUNT):
                raise ValueError("an entry is not account:key, with the account a path of [a-z0-9_-]")
            _check_length(f"the key of account {account}", key)
            if key in keys:
                raise ValueError(f"accounts {keys[key]} and {account} have the same key")
            keys[key] = account
        return keys


class OperatorKeys(dict[str, str]):
    """Key -> name of the person or system that has it, "" for none; given as keys or name:key, separated by commas."""

    EXPECTED: ClassVar[str] = "key,key or name:key,name:key"

    @classmethod
    def parse(cls, text: str) -> Self:
        keys = cls()
        for number, entry in enumerate(text.split(","), start=1):
            name, _, key = entry.strip().rpartition(":")
            _check_length(f"operator key {number}", key)
            if key in keys:
                raise ValueError(f"operator keys {[*keys].index(key) + 1} and {number} are the same")
            keys[key] = name
        return keys


def _check_length(what: str, key: str) -> None:
    if len(key) < MIN_LENGTH:
        raise ValueError(f"{what} has {len(key)} characters, at least {MIN_LENGTH} are needed")
