"""What the edge answers: status, headers and body."""

from collections.abc import Sequence

from edge.pages.look import Look, look_of
from edge.pages.page import page_of
from edge.pages.preview import Shown, preview_page
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
    if decision.location:
        return decision.status, [("location", decision.location), *PLAIN], b""
    look = seen_by(visit, found.domain)
    if decision.reason is None:
        return _page(decision.status, *preview_page(_shown_of(found), look))
    return refusal(decision.reason, look)


def _shown_of(found: Found) -> Shown:
    """What an app is to show of a link: what its broadcast says, else what its domain says."""
    said = (found.broadcast and found.broadcast.preview) or (found.domain and found.domain.preview) or {}
    return Shown(said.get("title", ""), said.get("description", ""), said.get("image", ""))


def refusal(reason: Reason, look: Look) -> tuple[int, Headers, bytes]:
    """The page of a reason for which a visitor is not sent on."""
    status = reason.status
    waits = [("retry-after", str(RETRY_AFTER_S[status]))] if status in RETRY_AFTER_S else []
    return _page(status, *page_of(reason.value, look), waits)


def home(look: Look) -> tuple[int, Headers, bytes]:
    """The page of a domain whose owner has none."""
    return _page(200, *page_of(HOME, look))


def seen_by(visit: Visit, domain: Domain | None) -> Look:
    """How the pages of the domain look to this visitor."""
    return look_of(domain, visit.short_domain, visit.accept_language)


def _page(
    status: int, policy: tuple[str, str], body: bytes, more: Sequence[tuple[str, str]] = ()
) -> tuple[int, Headers, bytes]:
    return status, [("content-type", "text/html; charset=utf-8"), *PLAIN, *ALWAYS, policy, *more], body
