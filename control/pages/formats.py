"""How pages write numbers, shares and times. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

NARROW = "\N{NARROW NO-BREAK SPACE}"
NONE = "\N{EN DASH}"
NOT_KNOWN = "Not known"


def number(value: int) -> str:
    """12,345."""
    return f"{value:,}"


def many(count: int, one: str, several: str) -> str:
    """1 tap, 12,345 taps."""
    return f"{number(count)} {one if count == 1 else several}"


def share(value: float | None) -> str:
    """A share as a percentage with what is worth reading of it: 0 %, 0.4 %, 12.3 %, 100 %."""
    if value is None:
        return NONE
    text = f"{value * 100:.1f}".removesuffix(".0")
    if text == "0" and value > 0:
        text = "<0.1"
    if text == "100" and value < 1:
        text = ">99.9"
    return f"{text}{NARROW}%"


def percent(share: float) -> float:
    """As charts draw it: 12.3 of 0.1234."""
    return round(share * 100, 1)


def span(seconds: float | None) -> str:
    """A time that passed, in its two largest units: 8 s, 12 min, 3 h 5 min, 2 days 4 h."""
    if seconds is None:
        return NONE
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NARROW}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{NARROW}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{NARROW}h" + (f" {minutes}{NARROW}min" if minutes else "")
    days, hours = divmod(round(seconds / 3_600), 24)
    return f"{days} day{'s' if days > 1 else ''}" + (f" {hours}{NARROW}h" if hours else "")


def sentence(text: str) -> str:
    """With a capital."""
    return text[:1].upper() + text[1:]


def moment(time: datetime | None) -> str:
    """4 May 2026, 09:00 UTC."""
    return NONE if time is None else f"{clock(time)} UTC"


def moment_of_ms(ms: int) -> datetime | None:
    """Of Unix milliseconds; None for 0."""
    return datetime.fromtimestamp(ms / 1_000, UTC) if ms else None


def clock(time: datetime) -> str:
    """4 May 2026, 09:00: of a clock whose zone is named elsewhere."""
    return f"{time.day} {time:%b %Y, %H:%M}"


def strokes(values: Sequence[int], width: int, height: int) -> str:
    """An upright stroke for each value above 0, as the `d` of an SVG path; the highest is as high as the picture."""
    across, most = width / max(len(values), 1), max(values, default=0)
    tall = ((at, max(value / most * height, 1.5)) for at, value in enumerate(values) if value > 0)
    return "".join(f"M{(at + 0.5) * across:.1f} {height}v{-up:.1f}" for at, up in tall)


def in_path(text: str) -> str:
    """As one segment of a path: a slash of the text is none of the address."""
    return quote(text, safe="")
