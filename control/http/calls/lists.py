"""The calls that list what an account has."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.catalogue.domains import name_of
from control.catalogue.listings import BroadcastState, LinkKind, Listings
from control.http.json_answer import json_answer
from control.http.lists import ClickId, Number, cursor_after, page_of
from control.http.parameters import account_of, flag, one_of, time_of
from control.http.schemas import (
    BroadcastList,
    ClickList,
    ContactAnswer,
    DomainList,
    LinkList,
    broadcast_answer,
    domain_answer,
)

VisitClassName = Literal["human", "preview", "prefetch", "scanner", "bot", "unknown"]


class ListCalls:
    def __init__(self, broadcasts: Broadcasts, listings: Listings) -> None:
        self._broadcasts, self._listings = broadcasts, listings

    async def list_domains(self, request: Request, caller: Caller) -> Response:
        found = await self._listings.domains(account_of(request, caller), page_of(request, tuple[str]))
        return json_answer(DomainList([domain_answer(domain) for domain in found.items], cursor_after(found.last)))

    async def list_broadcasts(self, request: Request, caller: Caller) -> Response:
        found = await self._listings.broadcasts(
            account_of(request, caller), page_of(request, tuple[Number]),
            q=request.query_params.get("q", ""), state=one_of(request, "state", BroadcastState), since=time_of(request),
        )  # fmt: skip
        return json_answer(BroadcastList([broadcast_answer(each) for each in found.items], cursor_after(found.last)))

    async def list_links(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        given = request.query_params
        found = await self._listings.links(
            broadcast, page_of(request, tuple[Number]), contact_id=given.get("contact_id", ""),
            audience=given.get("audience"), tapped=flag(request, "tapped") if "tapped" in given else None,
            kind=one_of(request, "kind", LinkKind),
        )  # fmt: skip
        return json_answer(LinkList(found.items, cursor_after(found.last)))

    async def list_shared_links(self, request: Request, caller: Caller) -> Response:
        domain = request.query_params.get("domain", "")
        found = await self._listings.shared_links(
            account_of(request, caller), page_of(request, tuple[Number]), short_domain=name_of(domain) if domain else ""
        )
        return json_answer(LinkList(found.items, cursor_after(found.last)))

    async def list_clicks(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        found = await self._listings.clicks(
            broadcast, page_of(request, tuple[Number, ClickId]),
            visit_class=one_of(request, "class", VisitClassName) or "", since=time_of(request),
        )  # fmt: skip
        return json_answer(ClickList(found.items, cursor_after(found.last)))

    async def get_contact(self, request: Request, caller: Caller) -> Response:
        contact_id = request.path_params["contact_id"]
        links, clicks = await self._listings.contact(account_of(request, caller), contact_id)
        return json_answer(ContactAnswer(contact_id, links, clicks))
