"""The page /reports/compare: two to five broadcasts of one account side by side, aligned at their send."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.http.parameters import account_of
from control.http.problems import Problem, check_query, invalid
from control.pages.addresses import with_query
from control.pages.gate import Shown
from control.pages.render import page
from control.pages.side_by_side import audiences_of, curves_of, figures_of
from control.reports.shapes import Report
from control.reports.watched import View, Watched
from runtime.json_faults import described

OWN_NAME = "compare"
PATH = f"/reports/{OWN_NAME}"
LEAST, MOST = 2, 5  # the colours that five lines can be told by
_REMEDY = f"choose {LEAST} to {MOST} of one account in the list of broadcasts"


class ComparePage:
    """instead: the page of a single broadcast; this one stands where that of a broadcast called "compare" would."""

    def __init__(
        self, broadcasts: Broadcasts, watched: Watched, instead: Callable[[Request, Caller], Awaitable[Response]]
    ) -> None:
        self._broadcasts, self._watched, self._instead = broadcasts, watched, instead

    def shown(self) -> list[Shown]:
        return [Shown(PATH, "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        account, ids = account_of(request, caller), request.query_params.getlist("b")
        if not ids and await self._broadcasts.find(account, OWN_NAME):
            request.scope["path_params"] = {"broadcast_id": OWN_NAME}
            return await self._instead(request, caller)
        check_query(request.query_params, ("account", "b"))
        check_compared(ids := [broadcast_id for broadcast_id in ids if broadcast_id])
        reports = [await self._report(account, broadcast_id) for broadcast_id in ids]
        return page(
            "compare.html", caller, account=account, reports=reports, address=Addresses(account, ids), most=MOST,
            figures=figures_of(reports), curves=curves_of(reports), audiences=audiences_of(reports),
        )  # fmt: skip

    async def _report(self, account: str, broadcast_id: str) -> Report:
        try:
            return (await self._watched.see(View(account, broadcast_id))).report
        except Problem as problem:
            if problem.kind != "not-found":
                raise
            detail = f"account {account} has no broadcast {described(broadcast_id)}: {_REMEDY}"
            raise Problem("not-found", detail) from None


def check_compared(ids: Sequence[str]) -> None:
    """Raises Problem for broadcasts that cannot stand side by side."""
    if twice := next((one for place, one in enumerate(ids) if one in ids[:place]), None):
        raise invalid("b", f"broadcast {described(twice)} is chosen twice: {_REMEDY}, each once")
    if not LEAST <= len(ids) <= MOST:
        chosen = {0: "no broadcast is chosen", 1: "only one broadcast is chosen"}
        raise invalid("b", f"{chosen.get(len(ids), f'{len(ids)} broadcasts are chosen')}: {_REMEDY}")


class Addresses(NamedTuple):
    """Addresses of a comparison, and of what lies around it."""

    account: str
    ids: Sequence[str]

    def without(self, broadcast_id: str) -> str:
        rest = [("b", each) for each in self.ids if each != broadcast_id]
        return with_query(PATH, [*rest, ("account", self.account)])

    def file(self, format: str, dialect: str = "") -> str:
        more = [("format", format), *([("dialect", dialect)] if dialect else [])]
        return with_query("/v1/report", [("broadcasts", ",".join(self.ids)), ("account", self.account), *more])
