"""The chart of how long contacts took to tap. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from math import log

from control.pages.chart import Chart, Option
from control.pages.formats import percent, span
from control.pages.report_words import of_waits
from control.reports.shapes import SecondsToTap, ShareRow


def time_to_tap(seconds: SecondsToTap, contacts: int) -> Chart:
    """The share of those who tapped that had within each time, up to the first time that all had within."""
    says = of_waits(seconds, contacts)
    marks = _until_all(seconds.cumulative)
    if not marks:
        return Chart(says, [], None)
    axis = [0, *(mark.seconds for mark in marks)]
    lines = [_line(name, waited, axis, row) for row, (name, waited) in enumerate(_waits(seconds)) if waited <= axis[-1]]
    option = {
        "grid": {"top": 44, "right": 36},
        "tooltip": {"trigger": "axis", "unit": "%"},
        # Two axes in one place: one that has names, one that lines can stand on between them.
        "xAxis": [
            {"type": "category", "boundaryGap": False, "data": ["0", *(span(mark.seconds) for mark in marks)]},
            {"type": "value", "min": 0, "max": len(marks), "show": False},
        ],
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "series": [
            {"type": "line", "name": "Of those who tapped", "data": [0, *(percent(mark.share) for mark in marks)],
             "symbol": "circle", "symbolSize": 6, "showAllSymbol": True,
             "itemStyle": {"color": "@people"}, "areaStyle": {"opacity": 0.15}},
            {"type": "line", "xAxisIndex": 1, "data": [], "tooltip": {"show": False},
             "markLine": {"symbol": "none", "silent": True, "animation": False, "data": lines}},
        ],
    }  # fmt: skip
    return Chart(says, marks, option)


def _until_all(marks: Sequence[ShareRow]) -> list[ShareRow]:
    whole = next((place for place, mark in enumerate(marks) if mark.share >= 1), len(marks) - 1)
    return list(marks[: whole + 1])


def _waits(seconds: SecondsToTap) -> list[tuple[str, float]]:
    if seconds.median is None or seconds.p90 is None:
        return []
    if seconds.median == seconds.p90:
        return [("half and 90 %", seconds.median)]
    return [("half", seconds.median), ("90 %", seconds.p90)]


def _line(name: str, waited: float, axis: Sequence[int], row: int) -> Option:
    """An upright one. row: of its label, above the chart: labels of lines that are near to each other stand apart."""
    return {
        "xAxis": place_of(waited, axis), "name": name,
        "lineStyle": {"color": "@muted", "type": "dashed"},
        "label": {"formatter": f"{name}: {span(waited)}", "color": "@text", "distance": 5 + 17 * row},
    }  # fmt: skip


def place_of(seconds: float, axis: Sequence[int]) -> float:
    """Where on an axis whose times are one step apart; between two of them as on a logarithmic one."""
    after = bisect_left(axis, seconds)
    if after == 0:
        return 0.0
    low, high = axis[after - 1], axis[after]
    part = seconds / high if low == 0 else log(seconds / low) / log(high / low)
    return round(after - 1 + part, 3)
