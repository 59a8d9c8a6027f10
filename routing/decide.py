"""Chooses the answer to one visit. Pure: the caller passes the time."""

from collections.abc import Callable

import msgspec

from records.domain import Domain
from records.erasure import STOPPED_INDEX
from routing.destination import MAX_LOCATION_BYTES, ascii_url, destination_for
from routing.found import Found
from routing.reasons import Reason
from routing.visit import Visit


def _never(user_agent: str) -> bool:
    return False


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The answer to one visit."""

    status: int
    location: str = ""  # where the visitor is sent, pure ASCII; "" where a page is answered
    reason: Reason | None = None  # why that is not where the link leads; None: it is, or the page is its preview
    destination_index: int = 0  # which of the broadcast's destinations was chosen for the visit
    is_row: bool = False  # the link exists, live or over: the visit becomes a row


def decide(
    found: Found, visit: Visit, click_id: bytes, now_ms: int, draws_previews: Callable[[str], bool] = _never
) -> Decision:
    """The answer to one visit. A link is gone from the instant it expires, and never looks unknown then.

    draws_previews: whether a user agent is of what draws previews of links.
    """
    domain, link, broadcast = found.domain, found.link, found.broadcast
    if found.obstacle is not None:
        return refused(found.obstacle)
    if domain is None:
        return UNKNOWN_HOST
    if link is None or broadcast is None or broadcast.short_domain != domain.short_domain:
        return _unknown(domain)
    index = link.destination_index
    if broadcast.stopped:
        return refused(Reason.STOPPED, broadcast.fallback or domain.expired, index)
    if broadcast.expires_at_ms and now_ms >= broadcast.expires_at_ms:
        return refused(Reason.EXPIRED, broadcast.fallback or domain.expired, index)
    if now_ms < broadcast.valid_from_ms:
        return refused(Reason.NOT_YET, broadcast.fallback, index)
    if index >= len(broadcast.destinations):
        if index == STOPPED_INDEX:
            return refused(Reason.STOPPED, broadcast.fallback or domain.expired)
        return _unknown(domain)
    if (broadcast.preview or domain.preview) and draws_previews(visit.user_agent):
        return Decision(200, "", None, index, True)
    location = destination_for(broadcast, index, link, visit, click_id)
    if len(location) > MAX_LOCATION_BYTES:  # a legal template may name a long contact id many times
        return refused(Reason.TOO_LONG, broadcast.fallback, index)
    return Decision(broadcast.status or domain.status, location, None, index, True)


def refused(reason: Reason, location: str = "", destination_index: int = 0) -> Decision:
    """No live link: the visitor is sent to `location` where the owner gave one, else gets the reason's page."""
    if location:
        return Decision(302, ascii_url(location), reason, destination_index, reason.is_row)
    return Decision(reason.status, "", reason, destination_index, reason.is_row)


def _unknown(domain: Domain) -> Decision:
    return refused(Reason.UNKNOWN_CODE, domain.not_found)


UNKNOWN_HOST = refused(Reason.UNKNOWN_HOST)
UNRESOLVED = refused(Reason.UNRESOLVED)
OVERLOADED = refused(Reason.OVERLOADED)
SCANNING = refused(Reason.SCANNING)
