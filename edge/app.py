"""The edge as an application: what its domains answer besides taps, and taps for servers that speak only ASGI."""

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from edge.batch_loader import ResolveFailed, TooManyLimited
from edge.redirect import Redirector
from edge.responses import PLAIN, Headers, answer, home, seen_by
from edge.visit import VisitFrom, asked_in
from edge.walker import Walker
from records.domain import Domain
from records.own_visit import HEADER, PROOF_PATH
from routing.decide import SCANNING, UNKNOWN_HOST, UNRESOLVED, Decision
from routing.destination import ascii_url
from routing.found import NOTHING, Found
from runtime.security_headers import ALWAYS

NO_ROBOTS = "User-agent: *\nDisallow: /\n"
DAY = {"cache-control": "public, max-age=86400", **dict(ALWAYS)}
Prove = Callable[[str, str], str]  # short domain and mark -> the proof; "" for a mark that is none
HOUR = {"cache-control": "public, max-age=3600", **dict(ALWAYS)}


def edge_app(redirector: Redirector, walker: Walker, visit_from: VisitFrom, prove: Prove) -> Starlette:
    """Starlette application for the public port."""
    own = DomainPages(walker, visit_from, prove)
    return Starlette(
        routes=[
            Route("/", own.home),
            Route("/robots.txt", own.robots),
            Route("/favicon.ico", own.favicon),
            Route(PROOF_PATH, own.proof),
            Route("/.well-known/{file:path}", own.app_link),
            Route("/{code:text}", TapEndpoint(redirector, visit_from), methods=["GET", "HEAD"]),
        ],
        exception_handlers={HTTPException: _refused},
    )


class _AnyText(PathConvertor):
    """A path with whatever was glued to its code: Starlette's own `path` ends at a line end, and is a 404 then."""

    regex = r"[\s\S]*"


register_url_convertor("text", _AnyText())


async def _refused(request: Request, error: Exception) -> Response:
    """What Starlette answers by itself: a method that is not allowed."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    return Response(error.detail, error.status_code, {**(error.headers or {}), **dict(ALWAYS)}, "text/plain")


class TapEndpoint:
    """A tap as an ASGI request: pipelined ones, and every one under another server than ours."""

    def __init__(self, redirector: Redirector, visit_from: VisitFrom) -> None:
        self._redirector = redirector
        self._visit_from = visit_from

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        decided: asyncio.Future[tuple[Decision, Found]] = asyncio.get_running_loop().create_future()

        def reply(decision: Decision, found: Found) -> None:
            if not decided.done():
                decided.set_result((decision, found))

        visit = self._visit_from(*asked_in(scope))
        self._redirector.take(visit, reply)
        decision, found = await decided
        await _response(*answer(decision, visit, found))(scope, receive, send)


class DomainPages:
    """What a short domain answers for itself."""

    def __init__(self, walker: Walker, visit_from: VisitFrom, prove: Prove) -> None:
        self._walker, self._visit_from, self._prove = walker, visit_from, prove

    async def home(self, request: Request) -> Response:
        """The owner's home page, or a small branded page."""
        domain = await self._domain(request)
        if not isinstance(domain, Domain):
            return domain
        if domain.home:
            return Response(None, 302, {"location": ascii_url(domain.home), **dict(PLAIN)})
        return _response(*home(seen_by(self._visit_from(*asked_in(request.scope)), domain)))

    async def app_link(self, request: Request) -> Response:
        """apple-app-site-association and assetlinks.json, which open links in the owner's app."""
        domain = await self._domain(request)
        if not isinstance(domain, Domain):
            return domain
        text = domain.app_links.get(request.path_params.get("file", ""))
        if text is None:
            return Response("not found\n", 404, dict((*PLAIN, *ALWAYS)), "text/plain")
        return Response(text, 200, HOUR, "application/json")

    async def proof(self, request: Request) -> Response:
        """Whether this is an edge: for control alone, which marks its question; others find no such file.

        Asks no store: control wants to know who answers under a name.
        """
        visit = self._visit_from(*asked_in(request.scope))
        if proof := self._prove(visit.short_domain, request.headers.get(HEADER, "")):
            return Response(proof, 200, dict((*PLAIN, *ALWAYS)), "text/plain")
        return await self.app_link(request)

    async def robots(self, request: Request) -> Response:
        """The owner's robots.txt; one that keeps every crawler out where there is none."""
        domain = await self._domain(request)
        if isinstance(domain, Domain):
            return Response(domain.robots or NO_ROBOTS, 200, DAY, "text/plain")
        # Not for a day: the owner's may be known again in a moment.
        return Response(NO_ROBOTS, 200, dict((*PLAIN, *ALWAYS)), "text/plain")

    async def favicon(self, request: Request) -> Response:
        return Response(b"", 204, DAY)

    async def _domain(self, request: Request) -> Domain | Response:
        visit = self._visit_from(*asked_in(request.scope))
        try:
            domain = await self._walker.domain(visit.short_domain, visit.address)
        except TooManyLimited:
            return _response(*answer(SCANNING, visit, NOTHING))
        except ResolveFailed:
            return _response(*answer(UNRESOLVED, visit, NOTHING))
        return domain or _response(*answer(UNKNOWN_HOST, visit, NOTHING))


def _response(status: int, headers: Headers, body: bytes) -> Response:
    return Response(body, status, dict(headers))
