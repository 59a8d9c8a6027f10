"""What the edge answers: status, headers and body."""

from edge.pages.look import Look, look_of
from edge.pages.page import page_of
from edge.pages.texts import HOME
from records.domain import Domain
from routing.decide import Decision
from routing.found import Found
from routing.reasons import Reason
from routing.visit import Visit
from runtime.security_headers import ALWAYS

Headers = list[tuple[str, str]]
PLAIN = (("cache-control", "private, no-store"), ("x-robots-tag", "noindex, nofollow"))
RETRY_AFTER_S = {503: 2, 429: 30}


def answer(decision: Decision, visit: Visit, found: Found) -> tuple[int, Headers, bytes]:
    """(status, headers, body) of a decision."""
    if decision.location or decision.reason is None:
        return decision.status, [("location", decision.location), *PLAIN], b""
    return refusal(decision.reason, seen_by(visit, found.domain))


def refusal(reason: Reason, look: Look) -> tuple[int, Headers, bytes]:
    """The page of a reason for which a visitor is not sent on."""
    status = reason.status
    waits = [("retry-after", str(RETRY_AFTER_S[status]))] if status in RETRY_AFTER_S else []
    return _page(status, reason.value, look, waits)


def home(look: Look) -> tuple[int, Headers, bytes]:
    """The page of a domain whose owner has none."""
    return _page(200, HOME, look, [])


def seen_by(visit: Visit, domain: Domain | None) -> Look:
    """How the pages of the domain look to this visitor."""
    return look_of(domain, visit.short_domain, visit.accept_language)


def _page(status: int, name: str, look: Look, more: Headers) -> tuple[int, Headers, bytes]:
    policy, body = page_of(name, look)
    return status, [("content-type", "text/html; charset=utf-8"), *PLAIN, *ALWAYS, policy, *more], body
