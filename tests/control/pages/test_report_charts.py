"""Options and sentences of a report's charts."""

import json
from datetime import datetime, timedelta

import pytest

from control.pages.formats import NARROW
from control.pages.report_charts import over_time, weekday_hour
from control.pages.report_places import pieces, places
from control.pages.report_waits import place_of, time_to_tap
from control.reports.shapes import CountryRow, SecondsToTap, ShareRow, TimeRow, WeekdayHourRow

TUESDAY = datetime(2026, 5, 5, 9)
MARKS = (10, 30, 60, 120, 300)


def hours(*counts: tuple[int, int, int]) -> list[TimeRow]:
    """From Tuesday at 9: people, machines and unknown visitors of each."""
    return [TimeRow(TUESDAY + timedelta(hours=number), 3_600, *one) for number, one in enumerate(counts)]


def said(chart) -> str:
    return chart.says.replace(NARROW, " ")


def test_people_and_machines_stand_upon_each_other_and_empty_steps_are_kept_out_of_the_table():
    chart = over_time(hours((5, 2, 0), (0, 0, 0), (9, 1, 0)), "Europe/Berlin")

    people, machines = chart.option["series"]
    assert (people["data"], machines["data"]) == ([5, 0, 9], [2, 0, 1])
    assert people["stack"] == machines["stack"]
    assert chart.option["xAxis"]["data"] == ["09:00\n5 May", "10:00\n5 May", "11:00\n5 May"]
    assert [row.people for row in chart.rows] == [5, 9]
    assert said(chart) == (
        "14 taps by people and 3 visits of machines. People's busiest hour began on 5 May 2026, 11:00, with 9 taps. "
        "Times in Europe/Berlin."
    )


def test_unknown_visitors_are_shown_where_there_are_any():
    chart = over_time(hours((0, 0, 4)), "UTC")

    assert [series["name"] for series in chart.option["series"]] == ["People", "Machines", "Not known"]
    assert said(chart).startswith("No tap by a person, no visit of a machine and 4 of unknown visitors. From 5 May")


def test_days_of_two_years_say_the_year():
    rows = [TimeRow(datetime(2026, 12, 31), 86_400, 1, 0, 0), TimeRow(datetime(2027, 1, 1), 86_400, 1, 0, 0)]

    assert over_time(rows, "UTC").option["xAxis"]["data"] == ["31 Dec 2026", "1 Jan 2027"]


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (over_time([], "UTC"), "No visit so far."),
        (time_to_tap(SecondsToTap(None, None, []), 0), "Nobody has tapped since the send."),
        (weekday_hour([], "UTC"), "No tap so far."),
        (places([]), "No tap so far."),
    ],
)
def test_a_broadcast_that_nobody_tapped_says_so_and_draws_nothing(chart, words):
    assert (said(chart), chart.option, chart.rows) == (words, None, [])


def test_a_single_tap_is_said_as_one():
    assert "1 tap by a person and no visit of a machine. The tap came on 5 May 2026, 09:00." in said(
        over_time(hours((1, 0, 0)), "UTC")
    )
    assert said(time_to_tap(waits(250.0, 250.0, 0, 0, 0, 0, 1), 1)) == (
        "The one contact that tapped did so within 4 min of the send."
    )
    assert said(weekday_hour([WeekdayHourRow(7, 23, 1)], "UTC")).startswith(
        "One tap, on a Sunday between 23:00 and 00:00."
    )
    assert said(places([CountryRow("DE", 1)])) == "1 tap from 1 country: Germany."


def waits(median: float, p90: float, *shares: float) -> SecondsToTap:
    return SecondsToTap(median, p90, [ShareRow(*each) for each in zip(MARKS, shares, strict=True)])


def test_time_to_tap_ends_where_everybody_had_tapped():
    chart = time_to_tap(waits(20.0, 55.0, 0.25, 0.625, 1, 1, 1), 40)

    shown, _ = chart.option["series"]
    assert [name.replace(NARROW, " ") for name in chart.option["xAxis"][0]["data"]] == ["0", "10 s", "30 s", "1 min"]
    assert shown["data"] == [0, 25.0, 62.5, 100.0]
    assert [row.seconds for row in chart.rows] == [10, 30, 60]


def test_the_median_and_the_ninth_tenth_stand_between_the_times_around_them():
    lines = time_to_tap(waits(20.0, 55.0, 0.25, 0.6, 1, 1, 1), 40).option["series"][1]["markLine"]["data"]

    assert [line["label"]["formatter"].replace(NARROW, " ") for line in lines] == ["half: 20 s", "90 %: 55 s"]
    assert 1 < lines[0]["xAxis"] < 2 < lines[1]["xAxis"] < 3
    assert lines[0]["label"]["distance"] != lines[1]["label"]["distance"]


def test_a_wait_beyond_the_last_time_is_no_line_in_it():
    lines = time_to_tap(waits(20.0, 9_000.0, 0.25, 0.6, 0.7, 0.7, 0.7), 40).option["series"][1]["markLine"]["data"]

    assert [line["name"] for line in lines] == ["half"]


@pytest.mark.parametrize(("seconds", "place"), [(0, 0), (5, 0.5), (10, 1), (100, 2), (31.623, 1.5), (1_000, 3)])
def test_a_place_on_the_axis_of_times(seconds, place):
    assert place_of(seconds, [0, 10, 100, 1_000]) == pytest.approx(place, abs=0.001)


def test_every_hour_of_the_week_has_a_cell():
    chart = weekday_hour([WeekdayHourRow(2, 9, 30), WeekdayHourRow(7, 23, 4)], "Asia/Tokyo")

    cells = {(hour, day): taps for hour, day, taps in chart.option["series"][0]["data"]}
    assert len(cells) == 7 * 24
    assert {place: taps for place, taps in cells.items() if taps} == {(9, 1): 30, (23, 6): 4}
    assert chart.rows[9] == (9, [0, 30, 0, 0, 0, 0, 0])
    assert chart.option["visualMap"]["max"] == 30
    assert said(chart) == (
        "Most taps came on Tuesday between 09:00 and 10:00: 30 of 34. Hours of the clock in Asia/Tokyo."
    )


def test_countries_are_ranked_named_and_drawn_where_the_map_has_them():
    found = [CountryRow("DE", 70), CountryRow("", 20), CountryRow("SG", 8), CountryRow("XK", 1), CountryRow("??", 1)]

    chart = places(found)

    assert [(row.name, row.clicks) for row in chart.rows] == [
        ("Germany", 70), ("Not known", 20), ("Singapore", 8), ("Kosovo", 1), ("??", 1),
    ]  # fmt: skip
    assert chart.option["series"][0]["data"] == [{"name": "Germany", "value": 70}, {"name": "Kosovo", "value": 1}]
    assert said(chart) == (
        "100 taps from 4 countries, 70 % from Germany. 20 from places not known. "
        "Too small for the map: Singapore and \u2068??\u2069."
    )


def test_taps_from_places_not_known_alone_are_said_so():
    chart = places([CountryRow("", 3)])

    assert said(chart) == "3 taps, not known from where."
    assert chart.option["visualMap"]["show"] is False


def test_colours_of_the_map_go_by_powers_of_ten_five_at_most():
    assert pieces(1) == [{"min": 1, "label": "1+"}]
    assert pieces(12_345_678) == [
        {"min": 1, "max": 9_999, "label": "1+"}, {"min": 10_000, "max": 99_999, "label": "10k+"},
        {"min": 100_000, "max": 999_999, "label": "100k+"},
        {"min": 1_000_000, "max": 9_999_999, "label": "1M+"},
        {"min": 10_000_000, "label": "10M+"},
    ]  # fmt: skip


def test_every_option_is_json():
    for chart in (
        over_time(hours((10_000_000, 5, 0)), "UTC"), time_to_tap(waits(20.0, 55.0, 0.25, 0.6, 1, 1, 1), 40),
        weekday_hour([WeekdayHourRow(1, 0, 10_000_000)], "UTC"), places([CountryRow("US", 10_000_000)]),
    ):  # fmt: skip
        json.dumps(chart.option)


def test_where_visits_of_machines_are_listed_words_and_charts_say_visits():
    week, world = weekday_hour([WeekdayHourRow(2, 9, 1)], "UTC", "visits"), places([CountryRow("US", 2)], "visits")

    assert said(week).startswith("One visit, on a Tuesday")
    assert said(world) == "2 visits from 1 country: United States."
    assert world.option["series"][0]["name"] == "Visits"
