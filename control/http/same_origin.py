"""A page of another site must change nothing here by a visitor's session (cross-site request forgery)."""

from collections.abc import Mapping

from control.http.problems import Problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FROM_HERE = ("same-origin", "none")  # none: typed or bookmarked by the user (Fetch Metadata, 2.3)


def check_same_origin(method: str, headers: Mapping[str, str]) -> None:
    """Raises Problem for an unsafe method that a page of another origin sends.

    A browser that sends no Sec-Fetch-Site sends Origin with every POST; a program sends neither.
    """
    if method in SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in _FROM_HERE:
        raise Problem("forbidden", f"{method} from another site (Sec-Fetch-Site: {site[:20]}) is refused")
    if site is None and origin is not None and origin.partition("://")[2] != headers.get("host"):
        raise Problem("forbidden", f"{method} from another site (its Origin is not this host) is refused")
