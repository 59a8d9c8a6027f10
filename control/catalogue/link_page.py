"""What the page of a link says: what an edge would answer now."""

import secrets
from typing import Literal, cast
from uuid import UUID

from control.catalogue.broadcasts import SHARED
from control.http.problems import Problem
from control.http.schemas import LinkState
from control.minting.link_batches import short_url
from control.minting.link_table import LinkRow
from records.broadcast import Broadcast
from records.domain import Domain
from records.erasure import STOPPED_INDEX, is_token
from records.link import Link
from routing.decide import Decision, decide
from routing.found import Found
from routing.visit import Visit
from runtime.json_faults import described

# Stands where an edge fills in the id of the click. Random and never given out, so that no destination holds it.
STAND_IN = secrets.token_bytes(16)

State = Literal["live", "stopped", "expired", "not_yet", "too_long"]


def link_state(row: LinkRow, domain: Domain, broadcast: Broadcast, now_ms: int) -> LinkState:
    """Raises Problem for a link that an edge does not know."""
    decision = decision_for(row, domain, broadcast, STAND_IN, now_ms)
    if not decision.is_row:
        raise Problem("not-found", _why_unknown(row, broadcast))
    state = "live" if decision.reason is None else decision.reason.value
    destinations = broadcast.destinations
    destination = destinations[row.destination_index] if row.destination_index < len(destinations) else ""
    return LinkState(
        link_id=row.link_id, code=row.code, short_url=short_url(row.short_domain, row.code) if row.code else "",
        short_domain=row.short_domain, account=row.account, broadcast_id=row.broadcast_id,
        contact_id=row.contact_id, audience=row.audience, source=broadcast.source, keyword=_keyword(row, broadcast),
        destination_index=row.destination_index, destination=destination,
        state=cast(State, state), goes_to=_goes_to(decision), minted_at=row.minted_at,
        version=broadcast.version,
    )  # fmt: skip


def _keyword(row: LinkRow, broadcast: Broadcast) -> str:
    """Of a link with a broadcast to itself, what that says now."""
    return broadcast.keyword if broadcast.broadcast_id.startswith(SHARED) else row.keyword


def decision_for(row: LinkRow, domain: Domain, broadcast: Broadcast, click_id: bytes, now_ms: int) -> Decision:
    """What an edge that knows what the tables know answers to a visit of the link."""
    found = Found(domain, row.link_id, link_of(row, broadcast), broadcast)
    return decide(found, Visit(domain.short_domain, row.code), click_id, now_ms)


def link_of(row: LinkRow, broadcast: Broadcast) -> Link:
    audiences = broadcast.audiences
    audience_no = audiences.index(row.audience) if row.audience in audiences else 0
    if is_token(row.contact_id):
        index = row.destination_index if row.code else STOPPED_INDEX
        return Link(row.broadcast_no, index, audience_no, "", row.slug)
    return Link(row.broadcast_no, row.destination_index, audience_no, row.contact_id, row.slug, row.fields or None)


def _goes_to(decision: Decision) -> str | None:
    """The location, except {click_id}, which every click has of its own; None where a page is answered."""
    return decision.location.replace(str(UUID(bytes=STAND_IN)), "{click_id}") or None


def _why_unknown(row: LinkRow, broadcast: Broadcast) -> str:
    link = f"link {described(row.code)} on {row.short_domain}"
    if broadcast.short_domain != row.short_domain:
        return f"{link} is of broadcast {broadcast.broadcast_id}, which is on {broadcast.short_domain}"
    known = f"which has {len(broadcast.destinations)}, numbered from 0"
    return f"{link} leads to destination {row.destination_index} of broadcast {broadcast.broadcast_id}, {known}"
