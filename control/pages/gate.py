"""The way into every page: who is signed in, and refusals as pages instead of JSON."""

import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import urlencode

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from control.access.caller import Caller
from control.http.auth import Access
from control.http.problems import Problem
from control.http.same_origin import check_same_origin
from control.http.store_faults import of_store
from control.pages.render import HEADERS, page
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable

MAX_NEXT = 2_000  # characters of the address that a sign-in leads back to
HOME = "/reports"

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


class Shown(NamedTuple):
    """One page for callers with a scope: its path, that scope, and what answers it. POST: what a form on it sends."""

    path: str
    scope: str
    show: Callable[[Request, Caller], Awaitable[Response]]
    method: str = "GET"


def routes_of(access: Access, pages: list[Shown]) -> list[Route]:
    return [Route(one.path, _for_caller(access, one), methods=[one.method]) for one in pages]


def as_page(access: Access, endpoint: Endpoint) -> Endpoint:
    """The endpoint, with its refusals and outages as pages."""

    async def answer(request: Request) -> Response:
        try:
            check_same_origin(request.method, request.headers)
            return await endpoint(request)
        except Problem as problem:
            return await problem_page(access, request, problem)
        except (ClickHouseUnreachable, ClickHouseRefused, RedisError) as error:
            outage = of_store(error)
            if outage is None:
                raise
            route = getattr(request.scope.get("route"), "path", "none")
            log.warning("store_unavailable: answered by a page", extra={"error": str(error), "route": route})
            return page("problem.html", None, outage.status, outage.headers, problem=outage)

    return answer


def _for_caller(access: Access, one: Shown) -> Endpoint:
    async def answer(request: Request) -> Response:
        caller = await access.of_session(request)
        if caller is None:
            return to_login(request)
        caller.check(one.scope)
        return await one.show(request, caller)

    return as_page(access, answer)


def to_login(request: Request) -> Response:
    """To the form, which leads back to what was asked for."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = f"?{urlencode({'next': asked})}" if asked != HOME and len(asked) <= MAX_NEXT else ""
    return see_other(f"/login{query}")


def see_other(path: str) -> Response:
    return RedirectResponse(path, 303, HEADERS)


def within_here(path: str) -> str:
    """A path of this host to lead to; the list of broadcasts for anything else (an open redirect otherwise)."""
    is_path = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_path and path.isprintable() and len(path) <= MAX_NEXT else HOME


async def problem_page(access: Access, request: Request, problem: Problem) -> Response:
    """A refusal for a person to read, below the navigation of who is signed in."""
    try:
        caller = await access.of_session(request)
    except (Problem, RedisError, OSError):
        caller = None
    return page("problem.html", caller, problem.status, problem.headers, problem=problem)
