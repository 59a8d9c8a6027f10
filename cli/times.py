"""Times as people write them. Pure but for the time zones of this computer.

`2026-12-31`, `2026-12-31 18:00`, `2026-12-31 18:00 Europe/Berlin`, RFC 3339, `+7d` from now, `now`. Without a zone they
are in UTC.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

EXPECTED = (
    "expected 2026-12-31, 2026-12-31 18:00, 2026-12-31 18:00 Europe/Berlin, 2026-12-31T18:00:00+01:00, +7d (w, d, h or"
    " m) or now"
)
_WRITTEN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ Tt]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?))?\s*(.*)")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([01]?[0-9]|2[0-3])(?::?([0-5][0-9]))?")
_BUDDHIST = 543  # years that a Thai calendar is ahead
_SOON = 20  # years
_FROM_NOW = re.compile(r"\+([0-9]{1,5})\s*([wdhm])")
_AGO = re.compile(r"([0-9]{1,5})\s*([wdhm])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


class When(click.ParamType[Any]):
    """A time. ends: a day means its end, the first instant of the next. otherwise: a word that means no time."""

    name = "time"

    def __init__(self, *, ends: bool = False, otherwise: str | None = None) -> None:
        self._ends, self._otherwise = ends, otherwise

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == self._otherwise:
            return value
        try:
            return rfc3339(time_in(value, datetime.now(UTC), ends=self._ends))
        except (ValueError, OverflowError) as error:
            otherwise = f" or {self._otherwise}" if self._otherwise else ""
            self.fail(f"{value!r}: {error}{otherwise}", param, ctx)


class Since(click.ParamType[datetime]):
    """How long ago, as `30d`, or a time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return since_in(value, datetime.now(UTC))
        except (ValueError, OverflowError) as error:
            self.fail(f"{value!r}: {error} or 30d (w, d, h or m) for so long ago", param, ctx)


def since_in(text: str, now: datetime) -> datetime:
    """As time_in, or so long before now."""
    if found := _AGO.fullmatch(text.strip()):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    return time_in(text, now)


def rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def time_in(text: str, now: datetime, *, ends: bool = False) -> datetime:
    """The time that a text says, in UTC; raises ValueError that says what is expected. ends: of a day, its end."""
    text = text.strip()
    if text == "now":
        return now.replace(microsecond=0)
    if found := _FROM_NOW.fullmatch(text):
        return now.replace(microsecond=0) + timedelta(**{_UNITS[found[2]]: int(found[1])})
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(EXPECTED)
    day, clock, zone = found.groups()
    try:
        if clock is None:
            start = date.fromisoformat(day) + timedelta(days=1 if ends else 0)
            local = datetime(start.year, start.month, start.day)
        else:
            local = datetime.fromisoformat(f"{day}T{clock.zfill(5) if len(clock) < 6 else clock}")
    except ValueError as error:
        raise ValueError(f"{error}; {EXPECTED}") from None
    # A program wrote the Z, and means what it wrote.
    if zone != "Z" and 0 <= local.year - _BUDDHIST - now.year + 1 <= _SOON:
        raise ValueError(
            f"{local.year} is far ahead; expected {local.year - _BUDDHIST} for that year of a Thai calendar"
        )
    return _instant(local, zone, is_day=clock is None)


def _instant(local: datetime, zone: str, *, is_day: bool) -> datetime:
    """A local time as the one instant that it is; a day starts with its first instant."""
    if zone in ("", "Z", "z", "UTC"):
        return local.replace(tzinfo=UTC)
    if offset := _OFFSET.fullmatch(zone):
        sign, hours, minutes = offset.groups("00")
        return datetime.fromisoformat(f"{local.isoformat()}{sign}{hours:>02}:{minutes}").astimezone(UTC)
    first, second = (local.replace(tzinfo=_zone(zone), fold=fold) for fold in (0, 1))
    instants = first.astimezone(UTC), second.astimezone(UTC)
    if instants[0] == instants[1]:
        return instants[0]
    if instants[0] < instants[1]:  # the clock is put back
        if is_day:
            return instants[0]
        raise ValueError(
            f"{local:%H:%M} comes twice on this day in {zone}, as the clock is put back; expected"
            f" {first.isoformat()} or {second.isoformat()}"
        )
    if is_day:  # it is put forward at midnight: the day begins with the instant after the jump
        return instants[0]
    earlier, later = (instant.astimezone(_zone(zone)).isoformat() for instant in reversed(instants))
    raise ValueError(
        f"{local:%H:%M} is left out on this day in {zone}, as the clock is put forward; expected {earlier} or {later}"
    )


def _zone(name: str) -> ZoneInfo:
    if name[0].isdigit() or name[0] in "+-,":  # a clock that is written otherwise, such as 18.00 or 6 PM
        raise ValueError(f"{name!r} is neither a clock nor a zone; {EXPECTED}")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"there is no time zone {name!r}; expected one such as Europe/Berlin, or an offset") from None
