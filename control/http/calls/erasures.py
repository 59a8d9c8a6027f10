"""The calls about erasures of contacts."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.erasures import Erasures
from control.http.bodies import document
from control.http.json_answer import json_answer
from control.http.parameters import account_of
from control.http.schemas import ErasureBody

_erasure = msgspec.json.Decoder(ErasureBody)


class ErasureCalls:
    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures

    async def erase(self, request: Request, caller: Caller) -> Response:
        body: ErasureBody = await document(request, _erasure)
        account = account_of(request, caller, body.account)
        asked = await self._erasures.ask(account, body.contact_id, body.links, caller.author)
        return json_answer(asked, 202)

    async def get_erasure(self, request: Request, caller: Caller) -> Response:
        return json_answer(await self._erasures.state(account_of(request, caller), request.path_params["erasure_id"]))
