"""UTC days, counted from 1970-01-01. Pure."""

from datetime import date, timedelta

DAY_MS = 86_400_000
_FIRST = date(1970, 1, 1)


def day_of(unix_ms: int) -> int:
    """The day of an instant."""
    return unix_ms // DAY_MS


def date_of(day: int) -> date:
    return _FIRST + timedelta(days=day)
