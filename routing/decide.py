"""Chooses the answer to one visit. Pure: the caller passes the time."""

from typing import ClassVar

import msgspec

from records.broadcast import Broadcast
from records.domain import Domain
from records.link import Link
from routing.destination import MAX_LOCATION_BYTES, ascii_url, destination_for
from routing.visit import Visit


class Target(msgspec.Struct, frozen=True, gc=False):
    """What is known of the link a visit asks for; the last known step decides what is missing."""

    domain: Domain | None = None
    link_id: int = 0
    link: Link | None = None
    broadcast: Broadcast | None = None
    resolved: bool = True  # False: nothing reachable could say
    one_too_many: bool = False  # an unknown name, of a prefix that asked for many: not looked up


class Redirect(msgspec.Struct, frozen=True, gc=False):
    status: int
    location: str
    reason: ClassVar[str] = ""  # none: the visitor is sent where the link leads


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """No live link. `location`, where the owner gave one, is where the visitor goes instead of a page; status: 302."""

    # Metric label and page: unknown_host, unknown_code, not_yet, expired, stopped, too_long, unresolved, overloaded,
    # scanning.
    reason: str
    status: int
    location: str = ""
    link_known: bool = False  # the visit is a row all the same


Decision = Redirect | Refusal


class Answered(msgspec.Struct, frozen=True, gc=False):
    """One visit with all that was found out and decided."""

    visit: Visit
    target: Target
    click_id: bytes  # 16 bytes, UUIDv7
    decision: Decision

    @property
    def is_click(self) -> bool:
        """Whether it becomes a row: the link exists, be it live or over."""
        return isinstance(self.decision, Redirect) or self.decision.link_known


UNKNOWN_HOST = Refusal("unknown_host", 404)
UNRESOLVED = Refusal("unresolved", 503)
OVERLOADED = Refusal("overloaded", 503)
SCANNING = Refusal("scanning", 429)
NAMES_NOBODY = frozenset({"unknown_host", "unknown_code"})  # reasons: what a scan gets


def decide(target: Target, visit: Visit, click_id: bytes, now_ms: int) -> Decision:
    """The answer to one visit. A link is gone from the instant it expires, and never looks unknown then."""
    domain, link, broadcast = target.domain, target.link, target.broadcast
    if not target.resolved:
        return UNRESOLVED
    if target.one_too_many:
        return SCANNING
    if domain is None:
        return UNKNOWN_HOST
    if link is None or broadcast is None or broadcast.short_domain != domain.short_domain:
        return _unknown(domain)
    if broadcast.stopped:
        return _over("stopped", domain, broadcast)
    if broadcast.expires_at_ms and now_ms >= broadcast.expires_at_ms:
        return _over("expired", domain, broadcast)
    if now_ms < broadcast.valid_from_ms:
        return _refusal("not_yet", 404, broadcast.fallback, link_known=True)
    if link.destination_index >= len(broadcast.destinations):
        return _unknown(domain)
    location = destination_for(broadcast, link, visit.code, visit.query, click_id)
    if len(location) > MAX_LOCATION_BYTES:  # a legal template may name a long contact id many times
        return _refusal("too_long", 404, broadcast.fallback, link_known=True)
    return Redirect(broadcast.status or domain.status, location)


def _unknown(domain: Domain) -> Refusal:
    return _refusal("unknown_code", 404, domain.not_found, link_known=False)


def _over(reason: str, domain: Domain, broadcast: Broadcast) -> Refusal:
    return _refusal(reason, 410, broadcast.fallback or domain.expired, link_known=True)


def _refusal(reason: str, status: int, location: str, *, link_known: bool) -> Refusal:
    if location:
        return Refusal(reason, 302, ascii_url(location), link_known)
    return Refusal(reason, status, "", link_known)
