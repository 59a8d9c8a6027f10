"""The page of one broadcast's report, the same for a share, and the stream that says when it has changed."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from control.access.caller import Caller
from control.access.shares import Shares
from control.http.auth import Access
from control.http.calls.reports import filters_of, zone_of
from control.http.lists import Number, Page, cursor_after, page_of
from control.http.operations import NARROWED
from control.http.parameters import account_of
from control.http.problems import Problem, check_query
from control.pages.addresses import turned, with_query, without
from control.pages.gate import Shown, as_page
from control.pages.live import Live
from control.pages.render import page
from control.pages.report_view import view_of
from control.reports.watched import View, Watched
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms

FILTERS = tuple(name for name, _ in NARROWED)
_QUERY = ("account", "tz", "q", "cursor", *FILTERS)
PER_PAGE = 25


class OneReport:
    def __init__(self, access: Access, clickhouse: ClickHouse, watched: Watched, shares: Shares, live: Live) -> None:
        self._access, self._clickhouse = access, clickhouse
        self._watched, self._shares, self._live = watched, shares, live

    def shown(self) -> list[Shown]:
        return [
            Shown("/reports/{broadcast_id}", "report", self.show),
            Shown("/reports/{broadcast_id}/live", "report", self._follow),
        ]

    def routes(self) -> list[Route]:
        return [Route("/s/{token}", as_page(self._access, self._shared), methods=["GET"])]

    async def show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, _QUERY)
        view = await self._view(request, account_of(request, caller), request.path_params["broadcast_id"])
        asked, q = Page(PER_PAGE, page_of(request, tuple[Number, str]).after), request.query_params.get("q", "")
        seen = await self._watched.see(view)
        found = await self._watched.contacts(view, asked, q)
        return page(
            "report.html", caller, broadcast=seen.broadcast, state=seen.state, q=q, shared=False, now_ms=unix_ms(),
            contacts=found.items, kept=without(request.query_params, "q", "cursor"),
            **_turned(request, cursor_after(found.last)), **view_of(seen.report, _given(request)),
            address=Addresses(request),
        )  # fmt: skip

    async def _shared(self, request: Request) -> Response:
        """One report and nothing else: no contact, no navigation."""
        check_query(request.query_params, ("tz", *FILTERS))
        share = await self._shares.opened_by(request.path_params["token"])
        if share is None:
            raise Problem(
                "not-found", "this address shows no report: it has expired, was revoked, or was not copied whole"
            )
        view = await self._view(request, share.account, share.broadcast_id)
        seen = await self._watched.see(view)
        return page(
            "report.html", None, broadcast=seen.broadcast, shared=True, now_ms=unix_ms(),
            **view_of(seen.report, _given(request)), address=Addresses(request),
        )  # fmt: skip

    async def _follow(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, (*_QUERY, "seen"))
        view = await self._view(request, account_of(request, caller), request.path_params["broadcast_id"])
        await self._watched.see(view)  # it is there
        # The browser says by itself how far it got, where it had to join again.
        known = request.headers.get("last-event-id") or request.query_params.get("seen", "")
        return self._live.answer(request, view, known)

    async def _view(self, request: Request, account: str, broadcast_id: str) -> View:
        return View(account, broadcast_id, await zone_of(self._clickhouse, request), filters_of(request))


def _given(request: Request) -> dict[str, str]:
    return {name: request.query_params[name] for name in FILTERS if name in request.query_params}


def _turned(request: Request, following: str | None) -> dict[str, Any]:
    """The neighbours of a page of contacts."""
    found = turned(request.url.path, dict(request.query_params), following)
    return {name: f"{path}#contacts" if path else "" for name, path in found.items()}


class Addresses:
    """Addresses of this page with something else in the query."""

    def __init__(self, request: Request) -> None:
        self._path, self._query = request.url.path, dict(request.query_params)

    def narrowed(self, **more: str | int) -> str:
        return with_query(self._path, {**without(self._query, "cursor"), **more})

    def widened(self, name: str) -> str:
        return with_query(self._path, without(self._query, "cursor", name))

    def file(self, format: str, dialect: str = "") -> str:
        more = {"format": format, **({"dialect": dialect} if dialect else {})}
        broadcast = self._path.removeprefix("/reports")
        return with_query(f"/v1/broadcasts{broadcast}/report", {**without(self._query, "cursor", "q"), **more})
