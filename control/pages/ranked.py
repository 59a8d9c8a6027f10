"""Lists of a report: what taps came by, the most first, each narrowing the rest by a filter in the address. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from control.pages.countries import name_of
from control.pages.formats import NOT_KNOWN, sentence
from control.reports.shapes import Report

AT_ONCE = 8  # lines that stand there
ON_REQUEST = 92  # more of them, folded; a list beyond that says how many it leaves out


class Cut(NamedTuple):
    """Rows of a list, as much of it as a page takes."""

    shown: Sequence[Any]
    folded: Sequence[Any]
    left_out: Sequence[Any]

    @property
    def left_out_clicks(self) -> int:
        return sum(row.clicks for row in self.left_out)


class Line(NamedTuple):
    name: str
    filters: dict[str, str]  # that narrow the report to it; {}: there is no such filter
    clicks: int
    share: float  # of the whole list


class Ranked(NamedTuple):
    title: str
    lines: Cut


class Kind(NamedTuple):
    """How one list of a report is named, and what its lines narrow the report by: filter -> field of the row."""

    title: str
    rows: str  # of Report
    name: Callable[[Any], str]
    filters: Mapping[str, str]


def _field(name: str) -> Callable[[Any], str]:
    return lambda row: getattr(row, name) or NOT_KNOWN


def _capital(name: str) -> Callable[[Any], str]:
    return lambda row: sentence(getattr(row, name) or NOT_KNOWN)


DEVICES = Kind("Device", "by_device", _capital("device_type"), {"device": "device_type"})
SYSTEMS = Kind("System", "by_os", _field("os"), {"os": "os"})
BROWSERS = Kind("Browser", "by_browser", _field("browser"), {"browser": "browser"})
RULES = Kind("Rule that sent them", "by_rule", lambda row: row.rule or "None: the link's own destination", {})
REGIONS = Kind(
    "Region of the network", "by_region",
    lambda row: f"{row.region or NOT_KNOWN}, {name_of(row.country)}" if row.country else row.region or NOT_KNOWN,
    {"country": "country", "region": "region"},
)  # fmt: skip


def ranked(report: Report, kind: Kind) -> Ranked:
    rows: Sequence[Any] = getattr(report, kind.rows)
    whole = sum(row.clicks for row in rows)
    return Ranked(kind.title, cut([_line(row, kind, whole) for row in rows]))


def cut(rows: Sequence[Any], at_once: int = AT_ONCE) -> Cut:
    end = at_once + ON_REQUEST
    return Cut(rows[:at_once], rows[at_once:end], rows[end:])


def _line(row: Any, kind: Kind, whole: int) -> Line:
    filters = {name: getattr(row, field) for name, field in kind.filters.items()}
    return Line(kind.name(row), filters, row.clicks, row.clicks / whole if whole else 0.0)
