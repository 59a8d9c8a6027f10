"""Signing in by API key, and out: forms that work without a script."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.guesses import Guesses
from control.access.sessions import SESSION_S
from control.http.auth import COOKIE, Access
from control.pages.forms import fields_of
from control.pages.gate import HOME, as_page, see_other, within_here
from control.pages.render import page

_UNKNOWN = "This key is not known here. Check that it was copied whole, and that nobody has revoked it."
_NONE = "Paste an API key: it begins with tt_, or is one of those that the installation was given."


class SignIn:
    """clock: seconds that only grow."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._access, self._clock = access, clock
        self._guesses = Guesses()

    def routes(self) -> list[Route]:
        return [
            Route("/", as_page(self._access, self._home)),
            Route("/login", as_page(self._access, self._login), methods=["GET", "POST"]),
            Route("/logout", as_page(self._access, self._logout), methods=["POST"]),
        ]

    async def _home(self, request: Request) -> Response:
        return see_other("/login" if await self._access.of_session(request) is None else HOME)

    async def _login(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._take(request)
        if await self._access.of_session(request) is not None:
            return see_other(HOME)
        return _form(within_here(request.query_params.get("next", HOME)))

    async def _take(self, request: Request) -> Response:
        given = await fields_of(request)
        key, then = given.get("key", "").strip(), within_here(given.get("next", HOME))
        address, now_s = request.client.host if request.client else "", self._clock()
        if wait_s := self._guesses.wait_s(address, now_s):
            error = f"Too many wrong keys came from your address. Try again in {int(wait_s) + 1} seconds."
            return _form(then, error, 429, {"Retry-After": str(int(wait_s) + 1)})
        if not key:
            return _form(then, _NONE, 422)
        session_id = await self._access.sign_in(key)
        if session_id is None:
            self._guesses.was_wrong(address, now_s)
            return _form(then, _UNKNOWN, 401, {"WWW-Authenticate": 'Bearer realm="taptrail"'})
        return _with_cookie(see_other(then), session_id, SESSION_S)

    async def _logout(self, request: Request) -> Response:
        await self._access.sign_out(request)
        return _with_cookie(see_other("/login"), "", 0)


def _form(then: str, error: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return page("login.html", None, status, headers, then=then if then != HOME else "", error=error)


def _with_cookie(response: Response, session_id: str, max_age_s: int) -> Response:
    response.set_cookie(COOKIE, session_id, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="lax")
    return response
