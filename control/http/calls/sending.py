"""The calls about what is sent: links, messages, and whether they are right."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from contacts.fields import FieldNeeds
from contacts.line import ALL, Contacts
from control.access.caller import Caller
from control.catalogue.broadcasts import SHARED, Broadcasts
from control.http.advisories import with_warnings
from control.http.bodies import document, whole_body
from control.http.json_answer import json_answer
from control.http.ndjson import LineStream, received
from control.http.parameters import account_of, choice, flag, hosts, idempotency_key
from control.http.problems import Problem, decoded, invalid
from control.http.schemas import ComposeBody, Unfinished, VerifyBody
from control.minting.draft import draft_of
from control.minting.minter import Minter
from control.verify.findings import Progress
from control.verify.verifier import Verifier, Wanted
from messages.summary import dry_run
from messages.wording import composer_of, needs_of
from records.broadcast import Broadcast
from routing.destination import own_fields

_encoder = msgspec.json.Encoder()
_compose = msgspec.json.Decoder(ComposeBody)
_verify = msgspec.json.Decoder(VerifyBody)


class SendingCalls:
    def __init__(self, broadcasts: Broadcasts, minter: Minter, verifier: Verifier) -> None:
        self._broadcasts, self._minter, self._verifier = broadcasts, minter, verifier

    async def mint(self, request: Request, caller: Caller) -> Response:
        """Reads and checks the whole body, then answers while it mints."""
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        check_takes_contacts(broadcast)
        skip_bad = flag(request, "skip_bad")
        key = idempotency_key(request)
        again = flag(request, "again")
        dry_run = flag(request, "dry_run")
        body = await received(request, len(broadcast.destinations), _needs_of_links(broadcast), skip_bad=skip_bad)
        if dry_run:
            return json_answer(await self._minter.count(broadcast, body.contacts, again=again))
        digest = f"again {body.digest}" if again else body.digest
        prepared = await self._minter.prepare(broadcast, body.contacts, key, digest, again=again)
        warnings = [*prepared.advisories, *body.warnings]
        return with_warnings(LineStream(self._minter.stream(prepared)), warnings)

    async def messages(self, request: Request, caller: Caller) -> Response:
        """As mint does; the answer is a line a contact, or what it would be."""
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        if not broadcast.text:
            raise invalid("text", f"broadcast {broadcast.broadcast_id} has no text; PATCH it with one first")
        skip_bad, is_dry = flag(request, "skip_bad"), flag(request, "dry_run")
        skips_missing = choice(request, "missing", ("fail", "skip")) == "skip"
        key = idempotency_key(request)
        needs = needs_of(broadcast.text, broadcast.destinations, skips_missing=skips_missing)
        body = await received(request, len(broadcast.destinations), needs, skip_bad=skip_bad)
        _check_whole(body.contacts, broadcast)
        if is_dry:
            composer = composer_of(broadcast, asks_opt_out=await self._broadcasts.asks_opt_out(broadcast))
            return json_answer(await asyncio.to_thread(dry_run, composer, broadcast, body.contacts))
        prepared = await self._minter.prepare(broadcast, body.contacts, key, body.digest, composes=True)
        return with_warnings(LineStream(self._minter.stream(prepared)), [*prepared.advisories, *body.warnings])

    async def compose(self, request: Request, caller: Caller) -> Response:
        """The text and its contacts are in memory: they are few. A text in writing is no refusal."""
        body: ComposeBody = await document(request, _compose)
        account = account_of(request, caller, body.account)
        try:
            broadcast, asks_opt_out = await self._broadcasts.draft(
                account, body.short_domain, body.text, tuple(body.destinations)
            )
        except Problem as problem:
            if problem.kind != "invalid" or problem.field == "short_domain":
                raise
            return json_answer(Unfinished(problem.field, problem.detail))
        return json_answer(await asyncio.to_thread(draft_of, broadcast, body.contacts, asks_opt_out=asks_opt_out))

    async def verify(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        shows_progress = flag(request, "progress")
        data = await whole_body(request)
        body: VerifyBody = decoded(data, _verify) if data else VerifyBody()
        wanted = Wanted(
            None if body.sample == "all" else body.sample, body.fetch, hosts("final_hosts", body.final_hosts),
            body.contact_id,
        )  # fmt: skip
        lines = self._verifier.verify(broadcast, wanted)
        return LineStream(_as_lines(lines, shows_progress=shows_progress), ends_with_client=True)


def check_takes_contacts(broadcast: Broadcast) -> None:
    """Raises Problem for one that a shared link brought with it."""
    if broadcast.broadcast_id.startswith(SHARED):
        detail = f"{broadcast.broadcast_id} belongs to a shared link; create another broadcast for these contacts"
        raise invalid("broadcast_id", detail)


async def _as_lines(records: AsyncIterator[Any], *, shows_progress: bool) -> AsyncGenerator[bytes, None]:
    """NDJSON. Progress that nobody asked for is an empty line of it, by which a client that hung up is noticed."""
    async for record in records:
        shown = shows_progress or not isinstance(record, Progress)
        yield _encoder.encode(record) + b"\n" if shown else b""


def _check_whole(contacts: Contacts, broadcast: Broadcast) -> None:
    """Raises Problem for a line that asks for one of several links: a message has them all."""
    if len(broadcast.destinations) == 1:
        return
    row = next((row for row, index in enumerate(contacts.destination_indexes) if index != ALL), None)
    if row is not None:
        line = contacts.line_nos[row]
        detail = f"line {line}: a message has all links of its broadcast; leave destination_index out"
        raise Problem("invalid", detail, field="destination_index", line=line)


def _needs_of_links(broadcast: Broadcast) -> FieldNeeds:
    fields = own_fields(broadcast.destinations)
    return FieldNeeds(fields, fields)
