"""Warnings sent with a successful response: it was done as asked, and may not be what was meant."""

from collections.abc import Iterable

from starlette.responses import Response

from records.broadcast import Broadcast
from records.forms import time_of

HEADER = "Taptrail-Warning"  # a header for each


def with_warnings(response: Response, warnings: Iterable[str]) -> Response:
    for warning in warnings:
        response.headers.append(HEADER, warning)
    return response


def over(broadcast: Broadcast, now_ms: int) -> list[str]:
    """Warns of links that lead nowhere from the start, because their broadcast is over."""
    stopped = [f"broadcast {broadcast.broadcast_id} is stopped: its links lead nowhere until it is resumed"]
    return (stopped if broadcast.stopped else []) + expired(broadcast, now_ms)


def expired(broadcast: Broadcast, now_ms: int) -> list[str]:
    expires_at = time_of(broadcast.expires_at_ms)
    if expires_at is None or broadcast.expires_at_ms > now_ms:
        return []
    when = f"expired at {expires_at:%Y-%m-%dT%H:%M:%SZ}, which is past"
    return [f"broadcast {broadcast.broadcast_id} {when}: its links lead nowhere until it is extended"]
