"""The calls of the API: read the request, do the one thing, answer."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from accounting.audit import read_audit
from accounting.close_lane import CannotClose, close_lane
from accounting.ledger import read_ledger
from contacts.fields import FieldNeeds
from contacts.line import ALL, Contacts
from control.access.caller import Caller
from control.access.keys import Keys
from control.catalogue.broadcasts import SHARED, Broadcasts
from control.catalogue.domains import Domains, name_of
from control.catalogue.listings import BroadcastState, Listings
from control.catalogue.shared_links import SharedLinks
from control.http.advisories import expired, over, with_warnings
from control.http.bodies import document, whole_body
from control.http.documents import Document, stated
from control.http.lists import cursor_after, cut, page_of
from control.http.ndjson import LineStream, received
from control.http.problems import Problem, check_text, decoded, invalid
from control.http.schemas import (
    BroadcastBody,
    BroadcastList,
    BroadcastPatch,
    ClickList,
    CloseBody,
    ContactAnswer,
    DestinationBody,
    DomainBody,
    DomainList,
    DomainPatch,
    History,
    KeyBody,
    KeyList,
    LinkBody,
    LinkList,
    RollbackBody,
    VerifyBody,
    broadcast_answer,
    domain_answer,
    history_entry,
    key_answer,
    key_entry,
)
from control.minting.minter import Minter
from control.reports.report import read_report
from control.verify.findings import Progress
from control.verify.verifier import Verifier, Wanted
from messages.summary import dry_run
from messages.wording import composer_of, needs_of
from records.broadcast import Broadcast
from records.forms import Time
from records.hosts import ascii_host
from routing.destination import own_fields
from runtime.clickhouse import ClickHouse
from runtime.json_faults import described

MAX_AUDIT_HOURS = 24 * 366
VisitClassName = Literal["human", "preview", "prefetch", "scanner", "bot", "unknown"]

_encoder = msgspec.json.Encoder()
_domain = msgspec.json.Decoder(DomainBody)
_domain_patch = msgspec.json.Decoder(DomainPatch)
_broadcast = msgspec.json.Decoder(BroadcastBody)
_patch = msgspec.json.Decoder(BroadcastPatch)
_destination = msgspec.json.Decoder(DestinationBody)
_rollback = msgspec.json.Decoder(RollbackBody)
_link = msgspec.json.Decoder(LinkBody)
_verify = msgspec.json.Decoder(VerifyBody)
_key = msgspec.json.Decoder(KeyBody)
_close = msgspec.json.Decoder(CloseBody)


class Api:
    def __init__(
        self,
        domains: Domains,
        broadcasts: Broadcasts,
        minter: Minter,
        shared: SharedLinks,
        verifier: Verifier,
        keys: Keys,
        listings: Listings,
        clickhouse: ClickHouse,
        clicks_redis: Redis,
    ) -> None:
        self._domains, self._broadcasts, self._minter, self._shared = domains, broadcasts, minter, shared
        self._verifier, self._keys, self._listings = verifier, keys, listings
        self._clickhouse, self._clicks_redis = clickhouse, clicks_redis

    async def put_domain(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _domain)
        in_query = request.query_params.get("account")
        domain, created, warnings = await self._domains.put(request.path_params["domain"], caller, in_query, body)
        near = await self._domains.nearest(domain, caller.root) if created else None
        if near:
            warnings.append(f"domain {domain.short_domain} is new; was {near} meant, which is registered already?")
        return with_warnings(_json(domain_answer(domain), 201 if created else 200), warnings)

    async def patch_domain(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _domain_patch)
        account = _account(request, caller, body.account)
        name = request.path_params["domain"]
        domain, warnings = await self._domains.patch(name, account, body, caller.author)
        return with_warnings(_json(domain_answer(domain)), warnings)

    async def delete_domain(self, request: Request, caller: Caller) -> Response:
        await self._domains.delete(request.path_params["domain"], _account(request, caller), caller.author)
        return Response(status_code=204)

    async def get_domain(self, request: Request, caller: Caller) -> Response:
        domain = await self._domains.visible(request.path_params["domain"], _account(request, caller))
        return _json(domain_answer(domain))

    async def put_broadcast(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _broadcast)
        account = _account(request, caller, body.account)
        broadcast, created, warnings = await self._broadcasts.put(
            account, request.path_params["broadcast_id"], body, caller.author
        )
        warnings += expired(broadcast, _now_ms())
        return with_warnings(_json(broadcast_answer(broadcast), 201 if created else 200), warnings)

    async def patch_broadcast(self, request: Request, caller: Caller) -> Response:
        body: Document = await document(request, _patch)
        account = _account(request, caller, body.account)
        broadcast, warnings = await self._broadcasts.patch(
            account, request.path_params["broadcast_id"], body, caller.author
        )
        warnings += expired(broadcast, _now_ms()) if "expires_at" in stated(body) else []
        return with_warnings(_json(broadcast_answer(broadcast)), warnings)

    async def patch_destination(self, request: Request, caller: Caller) -> Response:
        body: DestinationBody = await document(request, _destination)
        account = _account(request, caller, body.account)
        index, broadcast_id = _index(request), request.path_params["broadcast_id"]
        broadcast, warnings = await self._broadcasts.point(account, broadcast_id, index, body.to, caller.author)
        return with_warnings(_json(broadcast_answer(broadcast)), warnings)

    async def history(self, request: Request, caller: Caller) -> Response:
        page = page_of(request, tuple[int])
        entries = await self._broadcasts.history(_account(request, caller), request.path_params["broadcast_id"])
        here, next_cursor = cut(entries, page, lambda entry: (entry.version,))
        return _json(History([history_entry(entry) for entry in here], next_cursor))

    async def roll_back(self, request: Request, caller: Caller) -> Response:
        data = await whole_body(request)
        body: RollbackBody = decoded(data, _rollback) if data else RollbackBody()
        account, broadcast_id = _account(request, caller, body.account), request.path_params["broadcast_id"]
        broadcast, warnings = await self._broadcasts.roll_back(account, broadcast_id, body.version, caller.author)
        return with_warnings(_json(broadcast_answer(broadcast)), warnings)

    async def get_broadcast(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        return _json(broadcast_answer(broadcast))

    async def delete_broadcast(self, request: Request, caller: Caller) -> Response:
        account = _account(request, caller)
        await self._broadcasts.delete(account, request.path_params["broadcast_id"], caller.author)
        return Response(status_code=204)

    async def list_domains(self, request: Request, caller: Caller) -> Response:
        found = await self._listings.domains(_account(request, caller), page_of(request, tuple[str]))
        return _json(DomainList([domain_answer(domain) for domain in found.items], cursor_after(found.last)))

    async def list_broadcasts(self, request: Request, caller: Caller) -> Response:
        found = await self._listings.broadcasts(
            _account(request, caller), page_of(request, tuple[int]),
            q=request.query_params.get("q", ""), state=_one_of(request, "state", BroadcastState), since=_time(request),
        )  # fmt: skip
        return _json(BroadcastList([broadcast_answer(each) for each in found.items], cursor_after(found.last)))

    async def list_links(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        given = request.query_params
        found = await self._listings.links(
            broadcast, page_of(request, tuple[int]), contact_id=given.get("contact_id", ""),
            audience=given.get("audience"), tapped=_flag(request, "tapped") if "tapped" in given else None,
        )  # fmt: skip
        return _json(LinkList(found.items, cursor_after(found.last)))

    async def list_shared_links(self, request: Request, caller: Caller) -> Response:
        domain = request.query_params.get("domain", "")
        found = await self._listings.shared_links(
            _account(request, caller), page_of(request, tuple[int]), short_domain=name_of(domain) if domain else ""
        )
        return _json(LinkList(found.items, cursor_after(found.last)))

    async def list_clicks(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        found = await self._listings.clicks(
            broadcast, page_of(request, tuple[int, str]),
            visit_class=_one_of(request, "class", VisitClassName) or "", since=_time(request),
        )  # fmt: skip
        return _json(ClickList(found.items, cursor_after(found.last)))

    async def get_contact(self, request: Request, caller: Caller) -> Response:
        contact_id = request.path_params["contact_id"]
        return _json(ContactAnswer(contact_id, *await self._listings.contact(_account(request, caller), contact_id)))

    async def mint(self, request: Request, caller: Caller) -> Response:
        """Reads and checks the whole body, then answers while it mints."""
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        if broadcast.broadcast_id.startswith(SHARED):
            detail = f"{broadcast.broadcast_id} belongs to a shared link; create another broadcast for these contacts"
            raise invalid("broadcast_id", detail)
        skip_bad = _flag(request, "skip_bad")
        key = _idempotency_key(request)
        again = _flag(request, "again")
        dry_run = _flag(request, "dry_run")
        body = await received(request, len(broadcast.destinations), _needs_of_links(broadcast), skip_bad=skip_bad)
        if dry_run:
            return _json(await self._minter.count(broadcast, body.contacts, again=again))
        digest = f"again {body.digest}" if again else body.digest
        prepared = await self._minter.prepare(broadcast, body.contacts, key, digest, again=again)
        warnings = [*prepared.advisories, *body.warnings]
        return with_warnings(LineStream(self._minter.stream(prepared)), warnings)

    async def messages(self, request: Request, caller: Caller) -> Response:
        """As mint does; the answer is a line a contact, or what it would be."""
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        if not broadcast.text:
            raise invalid("text", f"broadcast {broadcast.broadcast_id} has no text; PATCH it with one first")
        skip_bad, is_dry = _flag(request, "skip_bad"), _flag(request, "dry_run")
        skips_missing = _choice(request, "missing", ("fail", "skip")) == "skip"
        key = _idempotency_key(request)
        needs = needs_of(broadcast.text, broadcast.destinations, skips_missing=skips_missing)
        body = await received(request, len(broadcast.destinations), needs, skip_bad=skip_bad)
        _check_whole(body.contacts, broadcast)
        if is_dry:
            return _json(await asyncio.to_thread(dry_run, composer_of(broadcast), broadcast, body.contacts))
        prepared = await self._minter.prepare(broadcast, body.contacts, key, body.digest, composes=True)
        return with_warnings(LineStream(self._minter.stream(prepared)), [*prepared.advisories, *body.warnings])

    async def verify(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        shows_progress = _flag(request, "progress")
        data = await whole_body(request)
        body: VerifyBody = decoded(data, _verify) if data else VerifyBody()
        wanted = Wanted(
            None if body.sample == "all" else body.sample, body.fetch, _hosts("final_hosts", body.final_hosts),
            body.contact_id,
        )  # fmt: skip
        lines = self._verifier.verify(broadcast, wanted)
        return LineStream(_as_lines(lines, shows_progress=shows_progress), ends_with_client=True)

    async def report(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(_account(request, caller), request.path_params["broadcast_id"])
        return _json(await read_report(self._clickhouse, broadcast))

    async def create_link(self, request: Request, caller: Caller) -> Response:
        body: LinkBody = await document(request, _link)
        account = _account(request, caller, body.account)
        link, broadcast, warnings = await self._shared.create(account, body, _idempotency_key(request), caller.author)
        return with_warnings(_json(link, 201), warnings + over(broadcast, _now_ms()))

    async def get_link(self, request: Request, caller: Caller) -> Response:
        parts = request.path_params
        return _json(await self._shared.look_up(parts["domain"], parts["code"], _account(request, caller)))

    async def create_key(self, request: Request, caller: Caller) -> Response:
        body: KeyBody = await document(request, _key)
        account = _account(request, caller, body.account)
        check_text("name", body.name)
        for scope in body.scopes:
            caller.check(scope)
        row, key = await self._keys.create(account, body.name, tuple(body.scopes), caller.author)
        return _json(key_answer(row, key), 201)

    async def list_keys(self, request: Request, caller: Caller) -> Response:
        page = page_of(request, tuple[int, str])
        keys = await self._keys.within(_account(request, caller))
        here, next_cursor = cut(keys, page, lambda key: (key.created_at_ms, key.key_id))
        return _json(KeyList([key_entry(key) for key in here], next_cursor))

    async def revoke_key(self, request: Request, caller: Caller) -> Response:
        warnings = await self._keys.revoke(_account(request, caller), request.path_params["key_id"], caller.author)
        return with_warnings(Response(status_code=204), warnings)

    async def ledger(self, request: Request, caller: Caller) -> Response:
        return _json(await read_ledger(self._clicks_redis, self._clickhouse))

    async def close_lane(self, request: Request, caller: Caller) -> Response:
        body: CloseBody = await document(request, _close)
        try:
            lane = request.path_params["lane"]
            closed = await close_lane(self._clicks_redis, self._clickhouse, lane, body.not_arrived)
        except CannotClose as error:
            raise Problem("conflict", str(error), field=error.field) from None
        return _json(closed)

    async def audit(self, request: Request, caller: Caller) -> Response:
        return _json(await read_audit(self._clicks_redis, self._clickhouse, _hours(request)))


async def _as_lines(records: AsyncIterator[Any], *, shows_progress: bool) -> AsyncGenerator[bytes, None]:
    """NDJSON. Progress that nobody asked for is an empty line of it, by which a client that hung up is noticed."""
    async for record in records:
        shown = shows_progress or not isinstance(record, Progress)
        yield _encoder.encode(record) + b"\n" if shown else b""


def _account(request: Request, caller: Caller, in_body: str | None = None) -> str:
    """The account that the call is about; raises Problem."""
    return caller.account(request.query_params.get("account"), in_body)


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


def _index(request: Request) -> int:
    text: str = request.path_params["index"]
    if text.isascii() and text.isdigit() and len(text) <= 3:
        return int(text)
    raise invalid("index", f"index is {described(text)}; expected the number of a destination, from 0")


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise invalid(name, f"{name} is {described(text)}; expected true or false")
    return text == "true"


def _one_of(request: Request, name: str, choices: Any) -> Any:
    """One of the texts of a Literal, None where the query does not say; raises Problem."""
    text = request.query_params.get(name)
    if text is None or text in (known := get_args(choices)):
        return text
    raise invalid(name, f"{name} is {described(text)}; expected {' or '.join(known)}")


def _time(request: Request, name: str = "since") -> datetime | None:
    """RFC 3339; raises Problem."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return msgspec.convert(text, Time)
    except msgspec.ValidationError:
        expected = "expected RFC 3339 with an offset, such as 2026-05-01T09:00:00Z (%2B for a plus sign)"
        raise invalid(name, f"{name} is {described(text)}; {expected}") from None


def _hosts(field: str, hosts: Sequence[str]) -> frozenset[str]:
    """The hosts as they are compared; raises Problem."""
    found = [ascii_host(host) or ascii_host(f"[{host}]") for host in hosts]
    for given, host in zip(hosts, found, strict=True):
        if host is None:
            raise invalid(field, f"{field} holds {described(given)}; expected hosts like shop.example, without ports")
    return frozenset(host for host in found if host)


def _hours(request: Request) -> float:
    text = request.query_params.get("hours", "24")
    with suppress(ValueError):
        if 0 < (hours := float(text)) <= MAX_AUDIT_HOURS:
            return hours
    raise invalid("hours", f"hours is {described(text)}; expected a number above 0, up to {MAX_AUDIT_HOURS}")


def _choice(request: Request, name: str, known: tuple[str, ...]) -> str:
    """One of the words; the first of them where the call names none."""
    text = request.query_params.get(name, known[0])
    if text not in known:
        raise invalid(name, f"{name} is {described(text)}; expected {' or '.join(known)}")
    return text


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        return ""
    if not key.strip():
        raise invalid("Idempotency-Key", "Idempotency-Key is empty; expected a text that you choose, or no such header")
    if len(key) > 255 or not key.isprintable():
        raise invalid("Idempotency-Key", "Idempotency-Key has more than 255 characters, or some that do not print")
    return key


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _json(answer: Any, status: int = 200) -> Response:
    return Response(_encoder.encode(answer), status, media_type="application/json")
