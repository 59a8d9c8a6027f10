"""Whose call it is: by its bearer key, or by the session of a browser."""

from starlette.requests import Request

from control.access.caller import Caller
from control.access.key_ring import KeyRing
from control.access.sessions import Sessions
from control.http.problems import Problem

COOKIE = "__Host-taptrail"  # the prefix: over TLS, of this host alone, of every path (RFC 6265bis, 4.1.3.2)


class Access:
    """Who may call: what the API and the pages ask alike."""

    def __init__(self, ring: KeyRing, sessions: Sessions) -> None:
        self._ring, self._sessions = ring, sessions

    async def caller_of(self, request: Request, need: str) -> Caller:
        """Who makes this call, and may make one that needs this scope; raises Problem, or what Redis raises."""
        authorization = request.headers.get("authorization", "")
        if authorization or COOKIE not in request.cookies:
            return caller_of(self._ring, authorization, need)
        caller = await self.of_session(request)
        if caller is None:
            detail = f"the session has ended; sign in again, or send Authorization: Bearer <key> of the scope {need}"
            raise Problem("unauthorized", detail, scope=need)
        caller.check(need)
        return caller

    async def of_session(self, request: Request) -> Caller | None:
        """Who is signed in; raises what Redis raises, and Problem while the keys are not known yet."""
        session_id = request.cookies.get(COOKIE)
        caller = None if session_id is None else await self._sessions.caller_of(session_id)
        if session_id and caller is None and not self._ring.is_complete:
            raise _keys_are_away()
        return caller

    async def reference_of(self, request: Request) -> str | None:
        """What names the key of this request's session; None where there is none. Raises what Redis raises."""
        session_id = request.cookies.get(COOKIE)
        return None if session_id is None else await self._sessions.reference_of(session_id)

    def is_in_force(self, reference: str) -> bool:
        """Of a key, by what names it; asks no store."""
        return self._ring.caller_by(reference) is not None

    async def sign_in(self, key: str) -> str | None:
        """The id of a new session; None for a wrong key. Raises as `of_session`."""
        session_id = await self._sessions.begin(key)
        if session_id is None and not self._ring.is_complete:
            raise _keys_are_away()
        return session_id

    async def sign_out(self, request: Request) -> None:
        if session_id := request.cookies.get(COOKIE):
            await self._sessions.end(session_id)


def caller_of(ring: KeyRing, authorization: str, need: str) -> Caller:
    """Who sent this Authorization header, and may make a call that needs this scope; raises Problem."""
    scheme, _, key = authorization.partition(" ")
    caller = ring.caller_of(key.strip()) if scheme.lower() == "bearer" else None
    if caller is not None:
        caller.check(need)
        return caller
    if scheme.lower() == "bearer" and not ring.is_complete:
        raise _keys_are_away()
    what = "is missing" if not authorization else "does not carry a known key"
    expected = f"expected: Authorization: Bearer <key>, of a key with the scope {need}"
    raise Problem("unauthorized", f"the header Authorization {what}; {expected}", scope=need)


def _keys_are_away() -> Problem:
    return Problem("unavailable", "ClickHouse does not answer, and has the keys; try again", retry_after_s=5)
