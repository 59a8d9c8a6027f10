"""The calls about broadcasts: what they are, and who changed what."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.http.advisories import expired, with_warnings
from control.http.bodies import document, whole_body
from control.http.documents import Document, stated
from control.http.json_answer import json_answer
from control.http.lists import Number, cut, page_of
from control.http.parameters import account_of, index_of
from control.http.problems import decoded
from control.http.schemas import (
    BroadcastBody,
    BroadcastPatch,
    DestinationBody,
    History,
    RollbackBody,
    broadcast_answer,
    history_entry,
)
from control.http.versions import based_on, tagged
from records.broadcast import Broadcast
from runtime.clock import unix_ms

_broadcast = msgspec.json.Decoder(BroadcastBody)
_patch = msgspec.json.Decoder(BroadcastPatch)
_destination = msgspec.json.Decoder(DestinationBody)
_rollback = msgspec.json.Decoder(RollbackBody)


class BroadcastCalls:
    def __init__(self, broadcasts: Broadcasts) -> None:
        self._broadcasts = broadcasts

    async def put_broadcast(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _broadcast)
        account = account_of(request, caller, body.account)
        broadcast, created, warnings = await self._broadcasts.put(
            account, request.path_params["broadcast_id"], body, caller.author, based_on(request)
        )
        warnings += expired(broadcast, unix_ms())
        return with_warnings(_answer(broadcast, 201 if created else 200), warnings)

    async def patch_broadcast(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _patch)
        account = account_of(request, caller, body.account)
        broadcast, warnings = await self._broadcasts.patch(
            account, request.path_params["broadcast_id"], body, caller.author, based_on(request)
        )
        warnings += expired(broadcast, unix_ms()) if "expires_at" in stated(body) else []
        return with_warnings(_answer(broadcast), warnings)

    async def patch_destination(self, request: Request, caller: Caller) -> Response:
        body: DestinationBody = await document(request, _destination)
        account = account_of(request, caller, body.account)
        index, broadcast_id = index_of(request), request.path_params["broadcast_id"]
        broadcast, warnings = await self._broadcasts.point(
            account, broadcast_id, index, body.to, caller.author, based_on(request)
        )
        return with_warnings(_answer(broadcast), warnings)

    async def history(self, request: Request, caller: Caller) -> Response:
        page = page_of(request, tuple[Number])
        entries = await self._broadcasts.history(account_of(request, caller), request.path_params["broadcast_id"])
        here, next_cursor = cut(entries, page, lambda entry: (entry.version,))
        return json_answer(History([history_entry(entry) for entry in here], next_cursor))

    async def roll_back(self, request: Request, caller: Caller) -> Response:
        data = await whole_body(request)
        body: RollbackBody = decoded(data, _rollback) if data else RollbackBody()
        account, broadcast_id = account_of(request, caller, body.account), request.path_params["broadcast_id"]
        broadcast, warnings = await self._broadcasts.roll_back(
            account, broadcast_id, body.version, caller.author, based_on(request)
        )
        return with_warnings(_answer(broadcast), warnings)

    async def get_broadcast(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        return _answer(broadcast)

    async def delete_broadcast(self, request: Request, caller: Caller) -> Response:
        account = account_of(request, caller)
        await self._broadcasts.delete(account, request.path_params["broadcast_id"], caller.author)
        return Response(status_code=204)


def _answer(broadcast: Broadcast, status: int = 200) -> Response:
    return tagged(json_answer(broadcast_answer(broadcast), status), broadcast)
