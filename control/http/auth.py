"""Whose call it is, by its bearer key."""

from control.access.caller import Caller
from control.access.key_ring import KeyRing
from control.http.problems import Problem


def caller_of(ring: KeyRing, authorization: str, need: str) -> Caller:
    """Who sent this Authorization header, and may make a call that needs this scope; raises Problem."""
    scheme, _, key = authorization.partition(" ")
    caller = ring.caller_of(key.strip()) if scheme.lower() == "bearer" else None
    if caller is not None:
        caller.check(need)
        return caller
    if scheme.lower() == "bearer" and not ring.is_complete:
        raise Problem("unavailable", "ClickHouse does not answer, and has the keys; try again", retry_after_s=5)
    what = "is missing" if not authorization else "does not carry a known key"
    expected = f"expected: Authorization: Bearer <key>, of a key with the scope {need}"
    raise Problem("unauthorized", f"the header Authorization {what}; {expected}", scope=need)
