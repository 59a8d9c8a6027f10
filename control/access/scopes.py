"""What a key may do. Each operation of the API needs one scope: this table says which, and the OpenAPI document too."""

from collections.abc import Iterable
from typing import Literal, get_args

Scope = Literal["report", "mint", "manage", "admin"]
ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)
# Not of an account: what concerns the whole installation. Only keys of TAPTRAIL_OPERATOR_KEYS have it.
OPERATOR = "operator"

MEANINGS = {
    "report": "read",
    "mint": "make links, messages and canaries of a broadcast",
    "manage": "change domains, broadcasts and shared links; erase contacts",
    "admin": "make and revoke keys",
    OPERATOR: "ledger, audit and the closing of lanes: a key of TAPTRAIL_OPERATOR_KEYS",
}
# Every GET about an account needs `report`.
NEEDS = {
    "put_domain": "manage",
    "patch_domain": "manage",
    "get_domain": "report",
    "delete_domain": "manage",
    "list_domains": "report",
    "check_domain": "manage",
    "list_broadcasts": "report",
    "list_links": "report",
    "list_clicks": "report",
    "list_shared_links": "report",
    "get_contact": "report",
    "delete_broadcast": "manage",
    "put_broadcast": "manage",
    "patch_broadcast": "manage",
    "get_broadcast": "report",
    "patch_destination": "manage",
    "history": "report",
    "roll_back": "manage",
    "mint": "mint",
    "messages": "mint",
    "create_canaries": "mint",
    "compose": "mint",
    "verify": "manage",
    "report": "report",
    "compare": "report",
    "list_contacts": "report",
    "create_share": "manage",
    "list_shares": "report",
    "revoke_share": "manage",
    "account_report": "report",
    "create_link": "manage",
    "patch_link": "manage",
    "delete_link": "manage",
    "get_link": "report",
    "qr_svg": "report",
    "qr_png": "report",
    "create_key": "admin",
    "list_keys": "report",
    "revoke_key": "admin",
    "erase": "manage",
    "get_erasure": "report",
    "ledger": OPERATOR,
    "close_lane": OPERATOR,
    "audit": OPERATOR,
}


def in_order(scopes: Iterable[str]) -> tuple[Scope, ...]:
    """Scopes as they are kept and shown: each once, in the order of ALL_SCOPES."""
    given = set(scopes)
    return tuple(scope for scope in ALL_SCOPES if scope in given)
