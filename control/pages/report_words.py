"""What the charts of a report show, in a sentence or two each. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from control.pages.countries import is_drawn, name_of
from control.pages.formats import NOT_KNOWN, clock, many, number, sentence, share, span
from control.reports.shapes import CountryRow, SecondsToTap, TimeRow, WeekdayHourRow

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_STEPS = {60: "minute", 300: "5 minutes", 900: "15 minutes", 3_600: "hour", 86_400: "day", 604_800: "week"}
_MAX_NAMED = 6  # countries


def of_times(rows: Sequence[TimeRow], tz: str) -> str:
    people, machines, unknown = (
        sum(getattr(row, kind) for row in rows) for kind in ("people", "machines", "unknown")
    )  # fmt: skip
    if not people + machines + unknown:
        return "No visit so far."
    said = [
        many(people, "tap by a person", "taps by people") if people else "no tap by a person",
        many(machines, "visit of a machine", "visits of machines") if machines else "no visit of a machine",
    ]
    if unknown:
        said.append(f"{number(unknown)} of unknown visitors")
    return f"{sentence(_listed(said))}. {_busiest(rows)} Times in {tz}."


def _busiest(rows: Sequence[TimeRow]) -> str:
    top = max(rows, key=lambda row: row.people)
    if not top.people:
        return f"From {clock(rows[0].begins_at)} to {clock(rows[-1].begins_at + timedelta(seconds=rows[-1].step_s))}."
    if sum(row.people for row in rows) == 1:
        return f"The tap came on {clock(top.begins_at)}."
    taps = many(top.people, "tap", "taps")
    return f"People's busiest {_STEPS[top.step_s]} began on {clock(top.begins_at)}, with {taps}."


def of_waits(seconds: SecondsToTap, contacts: int) -> str:
    """contacts: that tapped."""
    if seconds.median is None or seconds.p90 is None:
        return "Nobody has tapped since the send."
    if contacts == 1:
        return f"The one contact that tapped did so within {span(seconds.median)} of the send."
    half, most = span(seconds.median), span(seconds.p90)
    return f"Of the contacts that tapped, half had within {half} of the send and nine of ten within {most}."


def of_week(cells: Sequence[WeekdayHourRow], tz: str, counted: str) -> str:
    """counted: taps, or visits."""
    taps = sum(cell.clicks for cell in cells)
    if not taps:
        return f"No {_one(counted)} so far."
    top = max(cells, key=lambda cell: cell.clicks)
    hour = f"{top.hour:02}:00 and {(top.hour + 1) % 24:02}:00"
    zone = f"Hours of the clock in {tz}."
    if taps == 1:
        return f"One {_one(counted)}, on a {DAYS[top.weekday - 1]} between {hour}. {zone}"
    return (
        f"Most {counted} came on {DAYS[top.weekday - 1]} between {hour}: {number(top.clicks)} of {number(taps)}. {zone}"
    )


def of_countries(rows: Sequence[CountryRow], counted: str) -> str:
    """counted: taps, or visits."""
    taps = sum(row.clicks for row in rows)
    if not taps:
        return f"No {_one(counted)} so far."
    known = [row for row in rows if row.country]
    if not known:
        return f"{many(taps, _one(counted), counted)}, {NOT_KNOWN.lower()} from where."
    most, others = known[0], taps - sum(row.clicks for row in known)
    said = f"{many(taps, _one(counted), counted)} from {many(len(known), 'country', 'countries')}"
    said += (
        f", {share(most.clicks / taps)} from {_named(most.country)}."
        if len(known) > 1 or others
        else (f": {_named(most.country)}.")
    )
    return said + (f" {number(others)} from places not known." if others else "") + _too_small(known)


def _named(code: str) -> str:
    """What is no country may be any text: its direction ends with it (Unicode's first strong isolate)."""
    name = name_of(code)
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}" if name == code else name


def _too_small(known: Sequence[CountryRow]) -> str:
    hidden = [_named(row.country) for row in known if not is_drawn(row.country)]
    if not hidden:
        return ""
    more = len(hidden) - _MAX_NAMED
    named = hidden if more <= 0 else [*hidden[:_MAX_NAMED], f"{more} more"]
    return f" Too small for the map: {_listed(named)}."


def _one(counted: str) -> str:
    return counted.removesuffix("s")


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]
