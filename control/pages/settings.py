"""The page /settings: short domains and keys of an account."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.access.keys import Keys
from control.access.scopes import ALL_SCOPES, MEANINGS
from control.catalogue.listings import Listings
from control.http.lists import Page
from control.http.parameters import account_of
from control.http.problems import check_query
from control.http.schemas import key_entry
from control.pages.gate import Shown
from control.pages.render import page

MOST = 200  # domains, and keys; the API lists them all


class SettingsPage:
    def __init__(self, listings: Listings, keys: Keys) -> None:
        self._listings, self._keys = listings, keys

    def shown(self) -> list[Shown]:
        return [Shown("/settings", "report", self._show)]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, ("account",))
        account = account_of(request, caller)
        domains, keys = await self._listings.domains(account, Page(MOST, None)), await self._keys.within(account)
        return page(
            "settings.html", caller, account=account, domains=domains.items, more_domains=domains.last is not None,
            keys=[key_entry(key) for key in keys[:MOST]], more_keys=len(keys) > MOST,
            scopes=[(scope, MEANINGS[scope]) for scope in ALL_SCOPES if scope in caller.scopes],
        )  # fmt: skip
