"""The calls about shared links."""

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.shared_links import SharedLinks
from control.http.advisories import over, with_warnings
from control.http.bodies import document
from control.http.json_answer import json_answer
from control.http.parameters import account_of, idempotency_key, whole_number
from control.http.problems import invalid
from control.http.schemas import LinkBody, LinkPatch, LinkState
from control.http.versions import based_on, tagged
from control.qr import BORDERS, SIZES, Draw, as_png, as_svg, least_size, qr_code
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
        link, warnings = await self._shared.change(
            parts["domain"], parts["code"], account, body, caller.author, based_on(request)
        )
        return with_warnings(_answer(link), warnings)

    async def delete_link(self, request: Request, caller: Caller) -> Response:
        parts = request.path_params
        account = account_of(request, caller)
        await self._shared.delete(parts["domain"], parts["code"], account, caller.author, based_on(request))
        return Response(status_code=204)

    async def qr_svg(self, request: Request, caller: Caller) -> Response:
        return Response(await self._drawn(request, caller, as_svg), media_type="image/svg+xml")

    async def qr_png(self, request: Request, caller: Caller) -> Response:
        return Response(await self._drawn(request, caller, as_png), media_type="image/png")

    async def _drawn(self, request: Request, caller: Caller, draw: Draw) -> bytes:
        parts = request.path_params
        size = whole_number(request, "size", 512, *SIZES)
        border = whole_number(request, "border", 4, *BORDERS)
        link = await self._shared.look_up(parts["domain"], parts["code"], account_of(request, caller))
        code = await asyncio.to_thread(qr_code, link.short_url)
        if (least := least_size(code, border)) > size:
            raise invalid(
                "size", f"size is {size}; with a border of {border} this QR code needs {least} pixels at least"
            )
        return await asyncio.to_thread(draw, code, size, border)

    async def get_link(self, request: Request, caller: Caller) -> Response:
        parts = request.path_params
        return _answer(await self._shared.look_up(parts["domain"], parts["code"], account_of(request, caller)))


def _answer(link: LinkState) -> Response:
    return tagged(json_answer(link), link)
