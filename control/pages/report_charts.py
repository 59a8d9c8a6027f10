"""The charts of a report: of each what it shows in words, its table's rows, and an option of ECharts. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from control.pages import report_words as words
from control.pages.chart import Chart
from control.pages.report_places import places
from control.pages.report_waits import time_to_tap
from control.reports.shapes import Report, TimeRow, WeekdayHourRow

_DAY_S = 86_400


class Charts(msgspec.Struct, frozen=True):
    over_time: Chart
    time_to_tap: Chart
    weekday_hour: Chart
    places: Chart
    days: tuple[str, ...] = words.DAYS


def charts_of(report: Report, counted: str = "taps") -> Charts:
    """counted: what the lists of the report count, taps or visits."""
    return Charts(
        over_time=over_time(report.by_time, report.tz),
        time_to_tap=time_to_tap(report.seconds_to_tap, report.unique_contacts),
        weekday_hour=weekday_hour(report.by_weekday_hour, report.tz, counted),
        places=places(report.by_country, counted),
    )


def over_time(rows: Sequence[TimeRow], tz: str) -> Chart:
    """Visits of people and of machines upon each other. The table leaves out steps without a visit."""
    says, shown = words.of_times(rows, tz), [row for row in rows if row.people + row.machines + row.unknown]
    if not shown:
        return Chart(says, [], None)
    series = [("People", "people"), ("Machines", "machines"), ("Not known", "unknown")]
    if not any(row.unknown for row in rows):
        series.pop()
    option = {
        "legend": {"selectedMode": False},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": _labels([row.begins_at for row in rows], rows[0].step_s),
                  "axisLabel": {"lineHeight": 15}},
        "yAxis": {"type": "value", "minInterval": 1},
        "series": [
            {"type": "bar", "stack": "visits", "name": name, "data": [getattr(row, kind) for row in rows],
             "itemStyle": {"color": f"@{kind}"}, "barMaxWidth": 32, "barCategoryGap": "12%"}
            for name, kind in series
        ],
    }  # fmt: skip
    return Chart(says, shown, option)


def _labels(times: Sequence[datetime], step_s: int) -> list[str]:
    """Short ones: the day where it is another one, the year where there are several."""
    year = " %Y" if times[0].year != times[-1].year else ""
    days = [f"{time.day} {time.strftime(f'%b{year}')}" for time in times]
    if step_s >= _DAY_S:
        return days
    return [f"{time:%H:%M}\n{day}" for time, day in zip(times, days, strict=True)]


def weekday_hour(cells: Sequence[WeekdayHourRow], tz: str, counted: str = "taps") -> Chart:
    """A row of the table for each hour of the day, with the taps of each weekday."""
    says = words.of_week(cells, tz, counted)
    if not cells:
        return Chart(says, [], None)
    taps = {(cell.weekday, cell.hour): cell.clicks for cell in cells}
    rows = [(hour, [taps.get((weekday, hour), 0) for weekday in range(1, 8)]) for hour in range(24)]
    most = max(taps.values())
    option = {
        "grid": {"bottom": 56},
        "tooltip": {"trigger": "item"},
        "xAxis": {"type": "category", "data": [f"{hour:02}" for hour in range(24)], "axisLabel": {"interval": 2}},
        "yAxis": {"type": "category", "inverse": True, "data": [day[:3] for day in words.DAYS]},
        "visualMap": {
            "min": 0, "max": most, "orient": "horizontal", "left": "center", "bottom": 0, "itemWidth": 12,
            "itemHeight": 120, "text": [f"{most:,}", "0"], "textStyle": {"color": "@muted"},
            "inRange": {"color": ["@heat-0", "@heat-1"]},
        },
        "series": [
            {"type": "heatmap", "dimensions": ["Hour", "Day", counted.capitalize()], "encode": {"tooltip": [1, 0, 2]},
             "data": [[hour, day, clicks] for hour, row in rows for day, clicks in enumerate(row)],
             "itemStyle": {"borderColor": "@surface", "borderWidth": 1}}
        ],
    }  # fmt: skip
    return Chart(says, rows, option)
