"""The page /new: a text is written, counted as it is typed, and kept as a broadcast."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.domains import Domains
from control.http.parameters import account_of
from control.http.problems import check_query
from control.pages.gate import Shown
from control.pages.render import page
from messages.warnings import MEANINGS

MOST_DOMAINS = 1_000


class ComposePage:
    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    def shown(self) -> list[Shown]:
        return [Shown("/new", "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, ("account",))
        account = account_of(request, caller)
        names = await self._domains.usable_by(account, MOST_DOMAINS)
        return page("new.html", caller, account=account, domains=names, meanings=MEANINGS)
