"""The call about canaries."""

from hashlib import sha256

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from contacts.fields import FieldNeeds
from contacts.line import Contacts
from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.http.advisories import with_warnings
from control.http.bodies import whole_body
from control.http.calls.sending import check_takes_contacts
from control.http.json_answer import json_answer
from control.http.ndjson import contacts_in
from control.http.parameters import account_of, idempotency_key
from control.http.problems import decoded
from control.http.schemas import CanariesBody, CanaryAnswer, CanaryLine
from control.minting.canaries import Canaries, Wanted
from records.broadcast import Broadcast
from routing.destination import own_fields

_body = msgspec.json.Decoder(CanariesBody)
_encoder = msgspec.json.Encoder()
_IN_LINES = b'"contact_id"'  # in no document of this call


class CanaryCalls:
    def __init__(self, broadcasts: Broadcasts, canaries: Canaries) -> None:
        self._broadcasts, self._canaries = broadcasts, canaries

    async def create_canaries(self, request: Request, caller: Caller) -> Response:
        """The body is a document, and so is the answer; or the contacts one a line, and the answer a line for each."""
        data = await whole_body(request)
        has_lines = _IN_LINES in data
        body = decoded(data, _body) if data and not has_lines else CanariesBody()
        key = idempotency_key(request)
        account = account_of(request, caller, body.account)
        broadcast = await self._broadcasts.get(account, request.path_params["broadcast_id"])
        check_takes_contacts(broadcast)
        contacts = await _contacts(data, broadcast) if has_lines else None
        wanted = Wanted(body.count, contacts, key, sha256(data).hexdigest())
        canaries, warnings = await self._canaries.mint(broadcast, wanted)
        return with_warnings(_lines(canaries) if has_lines else json_answer(CanaryAnswer(canaries), 201), warnings)


def _lines(canaries: list[CanaryLine]) -> Response:
    return Response(_encoder.encode_lines(canaries), 201, media_type="application/x-ndjson")


async def _contacts(data: bytes, broadcast: Broadcast) -> Contacts:
    """A field that a line lacks stays empty: no page is shown to a contact."""
    needs = FieldNeeds(own_fields(broadcast.destinations))
    return await contacts_in(data, len(broadcast.destinations), needs)
