"""The control API as an application: routes, refusals, counts."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control.http.api import Call
from control.http.auth import Access
from control.http.docs_page import STYLE, docs_page
from control.http.openapi import openapi
from control.http.operations import OPERATIONS, Operation
from control.http.problems import MEDIA_TYPE, Problem, check_query
from control.http.same_origin import check_same_origin
from control.http.store_faults import of_store
from control.metrics import REQUESTS, SECONDS
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from runtime.retry_insert import OutcomeUnknown
from runtime.security_headers import content_policy
from runtime.serve import answering

HUNG_UP = 499

log = logging.getLogger(__name__)


PageOf = Callable[[Request, Problem], Awaitable[Response]]


def control_app(calls: Mapping[str, Call], access: Access, pages: Sequence[Route], problem_page: PageOf) -> ASGIApp:
    """ASGI application for the port of the control API and of the pages.

    problem_page: what a browser gets in place of a problem document where it asked for no call of the API.
    """
    page, document = docs_page(), openapi()

    async def docs(request: Request) -> Response:
        return HTMLResponse(page, headers=dict([content_policy(STYLE)]))

    async def openapi_json(request: Request) -> Response:
        return JSONResponse(document)

    routes = [Route("/docs", docs), Route("/v1/openapi.json", openapi_json), *_routes(calls, access), *pages]
    return Counted(
        answering(routes, {kind: _for_readers(handler, problem_page) for kind, handler in _HANDLERS.items()})
    )


def _routes(calls: Mapping[str, Call], access: Access) -> list[Route]:
    """One route for each path: Starlette answers 405 by the first that matches the path, whatever its methods."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [
        Route(_with_slashes(path), _endpoint(calls, access, by_method), methods=[*by_method])
        for path, by_method in by_path.items()
    ]


def _with_slashes(path: str) -> str:
    """The path in which the names that may have slashes are marked."""
    for name in ("contact_id", "account"):
        path = path.replace(f"{{{name}}}", f"{{{name}:path}}")
    return path


def _endpoint(
    calls: Mapping[str, Call], access: Access, by_method: dict[str, Operation]
) -> Callable[[Request], Awaitable[Response]]:
    """Answers the calls of one path, of callers who may make them and with parameters that the call has."""

    async def endpoint(request: Request) -> Response:
        operation = by_method["GET" if request.method == "HEAD" else request.method]
        check_same_origin(request.method, request.headers)
        caller = await access.caller_of(request, operation.scope)
        check_query(request.query_params, [name for name, _ in operation.query])
        return await calls[operation.name](request, caller)

    return endpoint


class Counted:
    """Counts what the application answers, by route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _Call(scope, receive, send)
        await self._app(scope, call.receive, call.send)
        call.count()


class _Call:
    """What became of one call. A client that hangs up before it has the whole answer makes it a 499, as in nginx."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._started = time.perf_counter()
        self._status = 0
        self._complete = self._hung_up = self._counted = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._complete:
            self._hung_up = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            SECONDS.labels(*self._labels()).observe(time.perf_counter() - self._started)
        elif not message.get("more_body", False):
            self._complete = True
            self.count()
        await self._send(message)

    def count(self) -> None:
        if self._counted:
            return
        self._counted = True
        REQUESTS.labels(*self._labels(), HUNG_UP if self._hung_up else self._status).inc()
        if self._hung_up:
            log.debug(
                "client_hung_up: the client closed its connection before the answer",
                extra={"route": _route(self._scope)},
            )

    def _labels(self) -> tuple[str, str]:
        route = _route(self._scope)
        return self._scope["method"] if route != "none" else "none", route


Told = Problem | Response
Handler = Callable[[Request, Exception], Awaitable[Told]]


def _for_readers(handler: Handler, problem_page: PageOf) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What the handler tells, as a page for a person and as a problem document for a program."""

    async def answer(request: Request, error: Exception) -> Response:
        told = await handler(request, error)
        if isinstance(told, Response):
            return told
        return await problem_page(request, told) if _is_read(request) else _document(told)

    return answer


def _is_read(request: Request) -> bool:
    """Whether a browser shows the answer to a person: it names HTML, and calls of the API are for programs."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


def _document(problem: Problem) -> Response:
    return Response(msgspec.json.encode(problem.body), problem.status, problem.headers, MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Told:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it alone
    return error


async def _http_error(request: Request, error: Exception) -> Told:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return Problem("method", f"{request.method} is not offered here; expected {allowed}", allow=allowed)
    return Problem("not-found", f"there is nothing at {request.url.path[:100]}; see /docs")


def _route(scope: Scope) -> str:
    """What metrics and logs may say of a path: the values in it are codes, and names that people chose."""
    return str(getattr(scope.get("route"), "path", "none"))


async def _hung_up(request: Request, error: Exception) -> Told:
    return Response(status_code=HUNG_UP)  # nobody reads it


async def _unknown_outcome(request: Request, error: Exception) -> Told:
    log.warning("store_unavailable: answered 503", extra={"error": str(error), "route": _route(request.scope)})
    detail = "ClickHouse did not answer: it is not known whether the change was recorded; send the same request again"
    return Problem("unavailable", detail, retry_after_s=5)


async def _store_failed(request: Request, error: Exception) -> Told:
    """A store, or the disk of this process, that does not do its part."""
    problem = of_store(error)
    if problem is not None:
        log.warning(
            "store_unavailable: answered by a problem",
            extra={"error": str(error), "route": _route(request.scope), "status": problem.status},
        )
        return problem
    if not isinstance(error, ClickHouseRefused):
        return await _failed(request, error)
    log.error(
        "statement_refused: ClickHouse refused a statement", extra={"error": str(error), "route": _route(request.scope)}
    )
    return Problem("internal", "ClickHouse refused an internal statement; see the log of the control process")


async def _failed(request: Request, error: Exception) -> Told:
    log.error("call_failed: answered 500", extra={"route": _route(request.scope)}, exc_info=error)
    return Problem("internal", "an unexpected fault; see the log of the control process")


_HANDLERS: dict[Any, Any] = {
    Problem: _problem,
    ClientDisconnect: _hung_up,
    HTTPException: _http_error,
    OutcomeUnknown: _unknown_outcome,
    ClickHouseUnreachable: _store_failed,
    ClickHouseRefused: _store_failed,
    RedisError: _store_failed,
    OSError: _store_failed,
    Exception: _failed,
}
