"""The target of a request in its absolute form (RFC 9112 3.2.2). Pure."""

import re

_ABSOLUTE = re.compile(rb"[a-z][a-z0-9+.-]*://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def origin_and_host(target: bytes) -> tuple[bytes, bytes | None]:
    """The target in origin form, and the authority it names without user and password; None for any other form."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target, None
    authority, rest = absolute.groups()
    return rest if rest.startswith(b"/") else b"/" + rest, authority.rpartition(b"@")[2]
