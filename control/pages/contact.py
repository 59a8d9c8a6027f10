"""The page /contacts/{contact_id}: what one contact was sent across broadcasts, and what became of it."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.listings import MOST_OF_A_CONTACT, Listings
from control.http.parameters import account_of
from control.http.problems import check_query
from control.pages.contact_history import history_of
from control.pages.gate import Shown
from control.pages.render import page
from control.reports.links import tapped_links
from records.erasure import is_token
from runtime.clickhouse import ClickHouse


class ContactPage:
    def __init__(self, listings: Listings, clickhouse: ClickHouse) -> None:
        self._listings, self._clickhouse = listings, clickhouse

    def shown(self) -> list[Shown]:
        return [Shown("/contacts/{contact_id:path}", "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, ("account",))
        account, contact_id = account_of(request, caller), request.path_params["contact_id"]
        links, clicks = await self._listings.contact(account, contact_id)
        history = history_of(links, await tapped_links(self._clickhouse, links), clicks)
        return page(
            "contact.html", caller, account=account, contact_id=contact_id, erased=is_token(contact_id),
            history=history, most=MOST_OF_A_CONTACT,
        )  # fmt: skip
