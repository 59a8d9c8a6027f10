"""How the pages of a domain look to a visitor."""

from functools import lru_cache
from typing import NamedTuple

from edge.pages.texts import TEXTS
from records.domain import Domain
from records.page import ENGLISH, is_color, origin_of
from routing.destination import ascii_url
from visitors.language import first_known


class Look(NamedTuple):
    brand: str  # what the pages call the domain
    language: str = ENGLISH  # one of TEXTS
    color: str = ""  # #rgb or #rrggbb; "" for none
    logo: str = ""  # https URL, pure ASCII; "" for none


def look_of(domain: Domain | None, short_domain: str, accept_language: str) -> Look:
    """The visitor's language where the pages are in it, else the domain's, else English."""
    if domain is None:
        return Look(short_domain, first_known(accept_language, TEXTS) or ENGLISH)
    page = domain.page
    language = first_known(accept_language, TEXTS) or page.get("language", "")
    return Look(
        domain.display_name or short_domain,
        language if language in TEXTS else ENGLISH,
        color if is_color(color := page.get("color", "")) else "",
        _shown_logo(page.get("logo", "")),
    )


@lru_cache(1024)
def _shown_logo(logo: str) -> str:
    """As it stands in the page; "" where no policy could allow it."""
    return ascii_url(logo) if origin_of(logo) else ""
