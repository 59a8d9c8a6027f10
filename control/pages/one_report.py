"""The page of one broadcast's report, the same for a share, and the stream that says when it has changed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from control.access.caller import Caller
from control.access.shares import Shares
from control.catalogue.broadcasts import Broadcasts
from control.http.auth import Access
from control.http.calls.reports import filters_of, zone_of
from control.http.lists import Number, Page, cursor_after, page_of
from control.http.operations import NARROWED
from control.http.parameters import account_of
from control.http.problems import Problem, check_query
from control.pages.addresses import turned, with_query, without
from control.pages.gate import Shown, as_page
from control.pages.render import HEADERS, page
from control.pages.report_view import view_of
from control.reports.contacts import tapped_contacts
from control.reports.watched import View, Watched
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.clock import unix_ms

FILTERS = tuple(name for name, _ in NARROWED)
_QUERY = ("account", "tz", "q", "cursor", *FILTERS)
PER_PAGE = 25
MAX_STREAMS = 500  # of one process
LOOK_S = 0.5  # between two looks at what Watched keeps


class OneReport:
    def __init__(
        self, access: Access, broadcasts: Broadcasts, clickhouse: ClickHouse, watched: Watched, shares: Shares
    ) -> None:
        self._access, self._broadcasts, self._clickhouse = access, broadcasts, clickhouse
        self._watched, self._shares = watched, shares
        self._streams = 0

    def shown(self) -> list[Shown]:
        return [
            Shown("/reports/{broadcast_id}", "report", self.show),
            Shown("/reports/{broadcast_id}/live", "report", self._live),
        ]

    def routes(self) -> list[Route]:
        return [Route("/s/{token}", as_page(self._access, self._shared), methods=["GET"])]

    async def show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, _QUERY)
        view = await self._view(request, account_of(request, caller), request.path_params["broadcast_id"])
        broadcast = await self._broadcasts.get(view.account, view.broadcast_id)
        asked, q = Page(PER_PAGE, page_of(request, tuple[Number, str]).after), request.query_params.get("q", "")
        seen = await self._watched.see(view)
        found = await tapped_contacts(self._clickhouse, broadcast, asked, q, view.filters)
        return page(
            "report.html", caller, broadcast=broadcast, q=q, shared=False, now_ms=unix_ms(), contacts=found.items,
            kept=without(request.query_params, "q", "cursor"), **_turned(request, cursor_after(found.last)),
            **view_of(seen.report, _given(request)), address=Addresses(request),
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
        broadcast = await self._broadcasts.get(view.account, view.broadcast_id)
        seen = await self._watched.see(view)
        return page(
            "report.html", None, broadcast=broadcast, shared=True, now_ms=unix_ms(),
            **view_of(seen.report, _given(request)), address=Addresses(request),
        )  # fmt: skip

    async def _live(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, _QUERY)
        view = await self._view(request, account_of(request, caller), request.path_params["broadcast_id"])
        await self._watched.see(view)
        if self._streams >= MAX_STREAMS:
            raise Problem(
                "unavailable", f"{MAX_STREAMS} pages are followed live already; reload instead", retry_after_s=30
            )
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(self._events(request, view), media_type="text/event-stream", headers=headers)

    async def _events(self, request: Request, view: View) -> AsyncIterator[str]:
        """`changed` whenever the report may have, until the viewer hangs up or its session ends."""
        self._streams += 1
        state = ""
        try:
            yield "retry: 5000\n\n"
            while await self._access.of_session(request) is not None:
                try:
                    seen = await self._watched.see(view)
                    if state and seen.state != state:
                        yield "event: changed\ndata: {}\n\n"
                    state = seen.state
                except (ClickHouseUnreachable, ClickHouseRefused):
                    yield ": ClickHouse does not answer\n\n"
                await asyncio.sleep(LOOK_S)
        finally:
            self._streams -= 1

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
