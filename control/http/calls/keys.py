"""The calls about API keys."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.access.keys import Keys
from control.http.advisories import with_warnings
from control.http.bodies import document
from control.http.json_answer import json_answer
from control.http.lists import Number, cut, page_of
from control.http.parameters import account_of
from control.http.problems import check_text
from control.http.schemas import KeyBody, KeyList, key_answer, key_entry

_key = msgspec.json.Decoder(KeyBody)


class KeyCalls:
    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def create_key(self, request: Request, caller: Caller) -> Response:
        body: KeyBody = await document(request, _key)
        account = account_of(request, caller, body.account)
        check_text("name", body.name)
        for scope in body.scopes:
            caller.check(scope)
        row, key = await self._keys.create(account, body.name, tuple(body.scopes), caller.author)
        return json_answer(key_answer(row, key), 201)

    async def list_keys(self, request: Request, caller: Caller) -> Response:
        page = page_of(request, tuple[Number, str])
        keys = await self._keys.within(account_of(request, caller))
        here, next_cursor = cut(keys, page, lambda key: (key.created_at_ms, key.key_id))
        return json_answer(KeyList([key_entry(key) for key in here], next_cursor))

    async def revoke_key(self, request: Request, caller: Caller) -> Response:
        warnings = await self._keys.revoke(account_of(request, caller), request.path_params["key_id"], caller.author)
        return with_warnings(Response(status_code=204), warnings)
