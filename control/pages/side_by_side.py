"""What a comparison shows of reports, row by row: figures, curves since the send, audiences. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from control.pages.chart import Chart
from control.pages.formats import NONE, many, moment, number, percent, share, span
from control.pages.report_view import machines_of
from control.reports.shapes import AudienceRow, Report
from control.reports.statements import SECONDS_MARKS

MOST_AUDIENCES = 50
_MOST_OF_NAME = 28  # characters of a name that a legend has room for
# A line is told by its colour, and as well by its dash and by the shape of its points.
_POINTS = ("circle", "rect", "triangle", "diamond", "emptyCircle")
_DASHES: tuple[Any, ...] = ("solid", [8, 4], [2, 3], [10, 3, 2, 3], [14, 5])


class Cell(NamedTuple):
    """One figure of one broadcast. bar: the share that a bar shows, if any."""

    value: str
    of: str = ""
    bar: float | None = None


class Row(NamedTuple):
    """The same figure of every broadcast, in their order."""

    name: str
    meaning: str
    cells: list[Cell]


class Audiences(NamedTuple):
    rows: list[Row]
    left_out: int


def figures_of(reports: Sequence[Report]) -> list[Row]:
    return [Row(name, meaning, [cell(report) for report in reports]) for name, meaning, cell in _FIGURES]


def _people(report: Report) -> Cell:
    return Cell(number(report.unique_contacts), f"of {many(report.contacts, 'contact', 'contacts')}")


def _click_through(report: Report) -> Cell:
    return Cell(share(report.click_through_rate), bar=report.click_through_rate) if report.contacts else Cell(NONE)


def _machines(report: Report) -> Cell:
    return Cell(number(machines_of(report.clicks)))


def _forwarded(report: Report) -> Cell:
    return Cell(number(report.forwarded.links), f"{many(report.forwarded.taps, 'tap', 'taps')} of others")


def _canaries(report: Report) -> Cell:
    found = report.canaries
    if not found.links:
        return Cell(NONE, "none were made")
    judged = f", {number(found.judged_human)} taken for people" if found.judged_human else ""
    return Cell(number(found.tapped), f"of {number(found.links)} canaries{judged}")


_FIGURES: tuple[tuple[str, str, Callable[[Report], Cell]], ...] = (
    ("Sent", "", lambda report: Cell(moment(report.sent_at))),
    ("People", "contacts with a tap of a person", _people),
    ("Click-through", "people of contacts", _click_through),
    ("Taps by people", "", lambda report: Cell(number(report.clicks.human))),
    ("Machines", "visits of previews, prefetches, scanners and bots", _machines),
    ("Half had tapped after", "of those who tapped since the send", lambda one: Cell(span(one.seconds_to_tap.median))),
    ("90 % had tapped after", "of those who tapped since the send", lambda one: Cell(span(one.seconds_to_tap.p90))),
    ("Forwarded links", "tapped by people with devices that differ", _forwarded),
    ("Canaries tapped", "links that nobody got: whoever taps is a machine", _canaries),
)


def curves_of(reports: Sequence[Report]) -> Chart:
    """Of those who tapped since the send, the share that had within each time since it: a column for each broadcast."""
    names, marks = _legend([report.broadcast_id for report in reports]), [span(mark) for mark in SECONDS_MARKS]
    shares = [_shares(report) for report in reports]
    series = [
        {
            "type": "line", "name": name, "data": [one and percent(one) for one in reached],
            "itemStyle": {"color": f"@series-{place + 1}"}, "symbol": _POINTS[place], "symbolSize": 8,
            "lineStyle": {"width": 2.5, "type": _DASHES[place]},
        }
        for place, (name, reached) in enumerate(zip(names, shares, strict=True))
    ]  # fmt: skip
    option = {
        "xAxis": {"type": "category", "data": marks, "boundaryGap": False},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "legend": {"type": "scroll", "icon": "inherit", "itemWidth": 34, "itemHeight": 10},
        "grid": {"right": 24},
        "tooltip": {"trigger": "axis"},
        "series": series,
    }
    rows = [(mark, [share(reached[at]) for reached in shares]) for at, mark in enumerate(marks)]
    return Chart(" ".join(_sentence(report) for report in reports), rows, option)


def _shares(report: Report) -> list[float | None]:
    reached: dict[int, float | None] = {row.seconds: row.share for row in report.seconds_to_tap.cumulative}
    return [reached.get(mark) for mark in SECONDS_MARKS]


def _sentence(report: Report) -> str:
    seconds = report.seconds_to_tap
    if seconds.median is None:
        return f"{report.broadcast_id}: nobody has tapped since the send."
    return f"{report.broadcast_id}: half had tapped after {span(seconds.median)}, 90 % after {span(seconds.p90)}."


def _legend(ids: Sequence[str]) -> list[str]:
    """The names, with the middle left out of long ones; those that would be the same then have a number."""
    short = [name if len(name) <= _MOST_OF_NAME else f"{name[:17]}…{name[-10:]}" for name in ids]
    return [f"{place}. {name}" if short.count(name) > 1 else name for place, name in enumerate(short, 1)]


def audiences_of(reports: Sequence[Report]) -> Audiences:
    """Those with the most links first. An audience that a broadcast did not have is a dash there."""
    found = [{row.audience: row for row in report.by_audience} for report in reports]
    links: dict[str, int] = {}
    for row in (row for rows in found for row in rows.values()):
        links[row.audience] = links.get(row.audience, 0) + row.links
    names = sorted(links, key=lambda name: (-links[name], name))
    rows = [Row(name, "", [_audience(one.get(name)) for one in found]) for name in names[:MOST_AUDIENCES]]
    return Audiences(rows, len(names) - len(rows))


def _audience(row: AudienceRow | None) -> Cell:
    if row is None:
        return Cell(NONE)
    people = many(row.unique_contacts, "person", "people")
    return Cell(share(row.click_through_rate), f"{people}, {number(row.links)} links", row.click_through_rate)
