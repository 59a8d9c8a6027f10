"""The page /reports/{broadcast_id}/shares: makes, lists and revokes the addresses that show a report without a key."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.access.keys import Keys
from control.access.share import Made
from control.access.shares import Shares
from control.catalogue.broadcasts import Broadcasts
from control.http.calls.shares import address_of
from control.http.parameters import account_of
from control.http.problems import Problem, check_query, invalid
from control.pages.addresses import with_query
from control.pages.formats import in_path
from control.pages.forms import fields_of
from control.pages.gate import Shown, see_other
from control.pages.render import page
from records.broadcast import Broadcast
from runtime.clock import unix_ms

DAYS, CHOSEN = (7, 30, 90), 30
_DAY_MS = 86_400_000
_PATH = "/reports/{broadcast_id}/shares"


class SharesPage:
    """Makes and revokes as the API does; its forms need no script."""

    def __init__(self, broadcasts: Broadcasts, shares: Shares, keys: Keys) -> None:
        self._broadcasts, self._shares, self._keys = broadcasts, shares, keys

    def shown(self) -> list[Shown]:
        return [Shown(_PATH, "report", self._show), Shown(_PATH, "manage", self._do, "POST")]

    async def _show(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, ("account", "revoked"))
        broadcast = await self._broadcast(request, caller)
        return await self._page(caller, broadcast, revoked="revoked" in request.query_params)

    async def _do(self, request: Request, caller: Caller) -> Response:
        check_query(request.query_params, ("account",))
        broadcast, given = await self._broadcast(request, caller), await fields_of(request)
        try:
            if "revoke" in given:
                return await self._revoke(caller, broadcast, given["revoke"])
            return await self._make(request, caller, broadcast, given.get("days", ""))
        except Problem as problem:
            if problem.status >= 500:
                raise
            return await self._page(caller, broadcast, problem.status, trouble=problem.detail)

    async def _broadcast(self, request: Request, caller: Caller) -> Broadcast:
        return await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])

    async def _make(self, request: Request, caller: Caller, broadcast: Broadcast, days: str) -> Response:
        """The page with the new address, which is shown this once."""
        if days not in map(str, DAYS):
            raise invalid("days", f"a share lasts {', '.join(map(str, DAYS))} days; choose one of them")
        share, token = await self._shares.create(broadcast, unix_ms() + int(days) * _DAY_MS, caller.author)
        made = {"url": address_of(request, token), "expires_at_ms": share.expires_at_ms}
        return await self._page(caller, broadcast, 201, made=made, newest=share.share_id)

    async def _revoke(self, caller: Caller, broadcast: Broadcast, share_id: str) -> Response:
        """To the list without it, which can be loaded again."""
        await self._shares.revoke(broadcast.account, share_id, caller.author)
        path = f"/reports/{in_path(broadcast.broadcast_id)}/shares"
        return see_other(with_query(path, {"account": broadcast.account, "revoked": "1"}))

    async def _page(self, caller: Caller, broadcast: Broadcast, status: int = 200, **more: Any) -> Response:
        shares, keys = await self._shares.of(broadcast), await self._keys.within(broadcast.account)
        names = {key.key_id: key.name for key in keys if key.name}
        now_ms = unix_ms()
        values = {"made": None, "newest": "", "trouble": "", "revoked": False, **more}
        return page(
            "shares.html", caller, status, broadcast=broadcast, chosen=CHOSEN,
            choices=[(days, now_ms + days * _DAY_MS) for days in DAYS],
            shares=[(share, _maker(share, names)) for share in reversed(shares)], **values,
        )  # fmt: skip


def _maker(share: Made, names: dict[str, str]) -> str:
    """The name of the key, where whoever looks may know it; its id as the history has it without one."""
    return names.get(share.who_key, share.who_key or share.who_account)
