"""What the page of a report shows of it: visits by class, lists, filters, sentences. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from control.pages import findings
from control.pages.countries import name_of
from control.pages.formats import NOT_KNOWN
from control.pages.ranked import BROWSERS, DEVICES, REGIONS, RULES, SYSTEMS, Ranked, cut, ranked
from control.pages.report_charts import charts_of
from control.reports.definitions import DEFINITIONS, NUMBERS
from control.reports.shapes import Classes, Report
from control.reports.warnings import advice_on
from visitors.meanings import meaning_of

CLASS_NAMES = {
    "human": "People",
    "preview": "Previews of messaging apps",
    "prefetch": "Prefetches of browsers",
    "scanner": "Security scanners",
    "bot": "Other machines",
    "unknown": NOT_KNOWN,
}
REASONS_AT_ONCE = 5  # whole sentences
NO_MACHINES = ("human", "unknown")
_FILTER_NAMES = {
    "audience": "Audience", "destination": "Link", "device": "Device", "os": "System", "browser": "Browser",
    "country": "Country", "region": "Region", "class": "Visits of",
}  # fmt: skip


class Filter(NamedTuple):
    """One filter in the address, in words."""

    name: str  # in the address
    says: str
    value: str


def view_of(report: Report, given: Mapping[str, str]) -> dict[str, Any]:
    """What the templates report*.html are given of a report. given: the filters in the address."""
    visits = sum(_by_class(report.clicks).values())
    counted = "Taps" if given.get("class", "human") == "human" else "Visits"
    return {
        "report": report,
        "filters": [Filter(name, _FILTER_NAMES.get(name, name), _said(name, text)) for name, text in given.items()],
        "counted": counted,
        "charts": charts_of(report, counted.lower()),
        "visits": visits,
        "machines": machines_of(report.clicks),
        "classes": [(name, CLASS_NAMES[name], count) for name, count in _by_class(report.clicks).items()],
        "reasons": cut(report.by_reason, REASONS_AT_ONCE),
        "audiences": cut(report.by_audience),
        "destinations": cut(report.by_destination),
        "lists": _lists(report),
        "canaries": findings.of_canaries(report.canaries),
        "forwarded": findings.of_forwarded(report),
        "advice_on": advice_on,
        "meaning_of": meaning_of,
        "class_names": CLASS_NAMES,
        "definitions": DEFINITIONS,
        "note_numbers": NUMBERS,
    }


def machines_of(clicks: Classes) -> int:
    return sum(count for name, count in _by_class(clicks).items() if name not in NO_MACHINES)


def _by_class(clicks: Classes) -> dict[str, int]:
    return {name: getattr(clicks, name) for name in CLASS_NAMES}


def _lists(report: Report) -> list[Ranked]:
    return [ranked(report, kind) for kind in (DEVICES, SYSTEMS, BROWSERS, RULES, REGIONS)]


def _said(name: str, text: str) -> str:
    if name == "class":
        return CLASS_NAMES.get(text, text)
    if name == "destination" and text.isdigit():
        return str(int(text) + 1)
    if name == "country":
        return name_of(text)
    return text or NOT_KNOWN
