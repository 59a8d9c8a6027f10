"""The taps of each country: a map of the world, and a list. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from control.pages.chart import Chart, Option
from control.pages.countries import is_drawn, name_of
from control.pages.report_words import of_countries
from control.reports.shapes import CountryRow

_MOST_COLOURS = 5


class PlaceRow(msgspec.Struct, frozen=True):
    country: str
    name: str
    clicks: int
    share: float


def places(found: Sequence[CountryRow], counted: str = "taps") -> Chart:
    says, taps = of_countries(found, counted), sum(row.clicks for row in found)
    rows = [PlaceRow(row.country, name_of(row.country), row.clicks, row.clicks / taps) for row in found if taps]
    drawn = [row for row in rows if is_drawn(row.country)]
    if not rows:
        return Chart(says, [], None)
    option = {
        "tooltip": {"trigger": "item"},
        "visualMap": {
            "type": "piecewise", "show": bool(drawn), "pieces": pieces(max((row.clicks for row in drawn), default=1)),
            "orient": "horizontal", "left": "center", "bottom": 0, "itemWidth": 12, "itemHeight": 12, "itemGap": 14,
            "selectedMode": False, "textStyle": {"color": "@muted"},
            "inRange": {"color": ["@map-low", "@map-high"]},
        },
        "series": [
            {"type": "map", "map": "world", "name": counted.capitalize(), "roam": False, "selectedMode": False,
             "data": [{"name": row.name, "value": row.clicks} for row in drawn],
             "left": 0, "right": 0, "top": 0, "bottom": 32, "preserveAspect": True, "label": {"show": False},
             "itemStyle": {"areaColor": "@land", "borderColor": "@land-line", "borderWidth": 0.5},
             "emphasis": {"label": {"show": False}, "itemStyle": {"areaColor": "@accent-strong"}}}
        ],
    }  # fmt: skip
    return Chart(says, rows, option)


def pieces(most: int) -> list[Option]:
    """From one power of ten to the next, so that a country with few taps is seen beside one with many."""
    powers = [10**power for power in range(len(str(most)))]
    bounds = [1, *powers[1:][-(_MOST_COLOURS - 1) :]]
    closed = [{"min": low, "max": high - 1, "label": _from(low)} for low, high in pairwise(bounds)]
    return [*closed, {"min": bounds[-1], "label": _from(bounds[-1])}]


def _from(bound: int) -> str:
    """Short: on a phone five of them stand side by side."""
    size, unit = next(((size, unit) for size, unit in ((10**6, "M"), (1_000, "k")) if bound >= size), (1, ""))
    return f"{bound // size}{unit}+"
