"""The calls about shared links."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.shared_links import SharedLinks
from control.http.advisories import over, with_warnings
from control.http.bodies import document
from control.http.json_answer import json_answer
from control.http.parameters import account_of, idempotency_key
from control.http.schemas import LinkBody, LinkPatch
from runtime.clock import unix_ms

_link = msgspec.json.Decoder(LinkBody)
_patch = msgspec.json.Decoder(LinkPatch)


class LinkCalls:
    def __init__(self, shared: SharedLinks) -> None:
        self._shared = shared

    async def create_link(self, request: Request, caller: Caller) -> Response:
        body: LinkBody = await document(request, _link)
        account = account_of(request, caller, body.account)
        link, broadcast, warnings = await self._shared.create(account, body, idempotency_key(request), caller.author)
        return with_warnings(json_answer(link, 201), warnings + over(broadcast, unix_ms()))

    async def patch_link(self, request: Request, caller: Caller) -> Response:
        body: LinkPatch = await document(request, _patch)
        account, parts = account_of(request, caller, body.account), request.path_params
        link, warnings = await self._shared.change(parts["domain"], parts["code"], account, body, caller.author)
        return with_warnings(json_answer(link), warnings)

    async def delete_link(self, request: Request, caller: Caller) -> Response:
        parts = request.path_params
        await self._shared.delete(parts["domain"], parts["code"], account_of(request, caller), caller.author)
        return Response(status_code=204)

    async def get_link(self, request: Request, caller: Caller) -> Response:
        parts = request.path_params
        return json_answer(await self._shared.look_up(parts["domain"], parts["code"], account_of(request, caller)))
