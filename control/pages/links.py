"""The page /links: shared links with their QR codes."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import SHARED
from control.catalogue.domains import Domains
from control.catalogue.listings import Listings
from control.http.lists import Number, Page, cursor_after, page_of
from control.http.parameters import account_of
from control.http.problems import check_query
from control.pages.addresses import turned
from control.pages.compose import MOST_DOMAINS
from control.pages.gate import Shown
from control.pages.render import page

PER_PAGE = 25
_QUERY = ("account", "domain", "cursor")


class LinksPage:
    def __init__(self, listings: Listings, domains: Domains) -> None:
        self._listings, self._domains = listings, domains

    def shown(self) -> list[Shown]:
        return [Shown("/links", "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, _QUERY)
        account, asked = account_of(request, caller), Page(PER_PAGE, page_of(request, tuple[Number]).after)
        given = {name: text for name in _QUERY if (text := request.query_params.get(name))}
        found = await self._listings.shared_links(account, asked, short_domain=given.get("domain", ""))
        return page(
            "links.html", caller, account=account, links=found.items, given=given, own=SHARED,
            domains=await self._domains.usable_by(account, MOST_DOMAINS),
            **turned("/links", given, cursor_after(found.last)),
        )  # fmt: skip
