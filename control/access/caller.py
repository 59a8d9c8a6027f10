"""Who makes a call, and what that key may do and see. Pure."""

import msgspec

from control.access.scopes import ALL_SCOPES, OPERATOR
from control.http.problems import Problem, invalid
from records.account import EVERY_ACCOUNT, MAX_ACCOUNT, is_account, within
from runtime.json_faults import described

DEFAULT_ACCOUNT = "main"  # meant by a key of every account that names none


class Author(msgspec.Struct, frozen=True):
    """Who changes something: the account of a key, and the id or name of it."""

    account: str
    key: str = ""


class Caller(msgspec.Struct, frozen=True):
    """Who makes a call: known once, from its key."""

    root: str  # the account of the key, which sees itself and all below it; "" for a key of operators alone
    scopes: tuple[str, ...] = ALL_SCOPES
    is_operator: bool = False
    key_id: str = ""  # who it is, in `changes`; never the key

    @property
    def author(self) -> Author:
        """Who the changes of its calls are by."""
        return Author(self.root, self.key_id)

    def check(self, need: str) -> None:
        """Raises Problem where the key lacks the scope that a call needs."""
        if self.is_operator if need == OPERATOR else need in self.scopes:
            return
        if need == OPERATOR:
            detail = "this call concerns the whole installation: it needs a key of TAPTRAIL_OPERATOR_KEYS"
        elif not self.root:
            detail = f"this call needs the scope {need}; a key of TAPTRAIL_OPERATOR_KEYS alone has no account"
        else:
            detail = f"this call needs the scope {need}; this key has {' and '.join(self.scopes) or 'none'}"
        raise Problem("forbidden", detail, scope=need)

    def account(self, in_query: str | None, in_body: str | None = None) -> str:
        """The account the call is about: the key's own, or one below it that query or body name; raises Problem."""
        if in_query and in_body and in_query != in_body:
            raise invalid("account", f"the body says {in_body}, the query says {in_query}; say it once")
        own = DEFAULT_ACCOUNT if self.root == EVERY_ACCOUNT else self.root
        account = in_body or in_query or own
        if not is_account(account):
            expected = f"a path of [a-z0-9_-] like acme/seattle, of at most {MAX_ACCOUNT} characters"
            raise invalid("account", f"account is {described(account)}; expected {expected}")
        if not within(account, self.root):
            raise Problem("not-found", f"there is no account {account} for this key", field="account")
        return account
