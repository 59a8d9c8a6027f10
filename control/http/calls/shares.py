"""The calls about shares: addresses that show one report without a key."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.access.share import Made
from control.access.shares import Shares
from control.catalogue.broadcasts import Broadcasts
from control.http.bodies import document
from control.http.json_answer import json_answer
from control.http.parameters import account_of
from control.http.schemas import ShareAnswer, ShareBody, ShareEntry, ShareList, Who
from records.forms import milliseconds, moment_of

_share = msgspec.json.Decoder(ShareBody)


class ShareCalls:
    def __init__(self, broadcasts: Broadcasts, shares: Shares) -> None:
        self._broadcasts, self._shares = broadcasts, shares

    async def create_share(self, request: Request, caller: Caller) -> Response:
        body: ShareBody = await document(request, _share)
        account = account_of(request, caller, body.account)
        broadcast = await self._broadcasts.get(account, request.path_params["broadcast_id"])
        expires_at_ms = None if body.expires_at is None else milliseconds(body.expires_at)
        share, token = await self._shares.create(broadcast, expires_at_ms, caller.author)
        answer = ShareAnswer(share.share_id, address_of(request, token), moment_of(share.expires_at_ms))
        return json_answer(answer, 201)

    async def list_shares(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        return json_answer(ShareList([share_entry(share) for share in await self._shares.of(broadcast)]))

    async def revoke_share(self, request: Request, caller: Caller) -> Response:
        await self._shares.revoke(account_of(request, caller), request.path_params["share_id"], caller.author)
        return Response(status_code=204)


def address_of(request: Request, token: str) -> str:
    """Where a share is seen: as its maker came here, also through a proxy. It is shown to nobody else."""
    told = request.headers.get("x-forwarded-proto", "")
    scheme = told if told in ("http", "https") else request.url.scheme
    return f"{scheme}://{request.url.netloc}/s/{token}"


def share_entry(share: Made) -> ShareEntry:
    who = Who(share.who_account, share.who_key) if share.who_account else None
    return ShareEntry(share.share_id, moment_of(share.created_at_ms), moment_of(share.expires_at_ms), who)
