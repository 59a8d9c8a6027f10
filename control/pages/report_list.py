"""The page /reports: the broadcasts of an account, the newest first."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.listings import BroadcastState, Listings
from control.http.lists import Number, Page, cursor_after, page_of
from control.http.parameters import account_of, one_of
from control.http.problems import check_query
from control.pages.addresses import turned
from control.pages.gate import Shown
from control.pages.render import page
from control.reports.overview import Overview
from control.reports.warnings import advice_on
from runtime.clock import unix_ms

PER_PAGE = 25
_QUERY = ("account", "q", "state", "cursor")


class ReportList:
    def __init__(self, listings: Listings, overview: Overview) -> None:
        self._listings, self._overview = listings, overview

    def shown(self) -> list[Shown]:
        return [Shown("/reports", "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, _QUERY)
        account, asked = account_of(request, caller), Page(PER_PAGE, page_of(request, tuple[Number]).after)
        given = {name: text for name in _QUERY if (text := request.query_params.get(name))}
        state = one_of(request, "state", BroadcastState) if "state" in given else None
        found = await self._listings.broadcasts(account, asked, q=given.get("q", ""), state=state, since=None)
        return page(
            "reports.html", caller, account=account, lines=await self._overview.lines(found.items), given=given,
            now_ms=unix_ms(), advice_on=advice_on,
            **turned("/reports", given, cursor_after(found.last)),
        )  # fmt: skip
