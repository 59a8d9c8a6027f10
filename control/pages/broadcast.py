"""The page /broadcasts/{broadcast_id}: what a broadcast is, and everything that is done to one."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.http.parameters import account_of
from control.http.problems import check_query
from control.http.schemas import history_entry
from control.minting.link_table import LinkTable
from control.pages.gate import Shown
from control.pages.render import page
from messages.warnings import MEANINGS
from runtime.clock import unix_ms

MOST_CHANGES = 20


class BroadcastPage:
    def __init__(self, broadcasts: Broadcasts, links: LinkTable) -> None:
        self._broadcasts, self._links = broadcasts, links

    def shown(self) -> list[Shown]:
        return [Shown("/broadcasts/{broadcast_id}", "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, ("account",))
        account, broadcast_id = account_of(request, caller), request.path_params["broadcast_id"]
        broadcast = await self._broadcasts.get(account, broadcast_id)
        entries = await self._broadcasts.history(account, broadcast_id)
        return page(
            "broadcast.html", caller, account=account, broadcast=broadcast, meanings=MEANINGS, now_ms=unix_ms(),
            phones=await self._links.contacts(broadcast.broadcast_no),
            history=[history_entry(entry) for entry in reversed(entries[-MOST_CHANGES:])], changes=len(entries),
        )  # fmt: skip
