"""The mark in the URL of a QR code, by which a visit through it is known. The edge drops it. Pure."""

VIA_QR = "qr"  # column `via` of clicks
_MARK = f"via={VIA_QR}"


def with_mark(short_url: str) -> str:
    """What a QR code of a short URL holds."""
    return f"{short_url}?{_MARK}"


def is_from_qr(query: str) -> bool:
    """Whether a visit with this query came from a QR code; apps may have put parameters beside the mark."""
    return _MARK in query and _MARK in query.split("&")


def without_mark(query: str) -> str:
    """The query that a destination may get."""
    return "&".join([parameter for parameter in query.split("&") if parameter != _MARK]) if _MARK in query else query
