"""The charts of a report: each series is its table, the API's report and a count of the rows; live, printed, saved."""

import struct
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace as Some
from zoneinfo import ZoneInfo

import pytest

from control.pages.assets import address_of
from control.pages.render import _templates
from control.pages.report_charts import charts_of
from control.reports.shapes import CountryRow, SecondsToTap, ShareRow, TimeRow, WeekdayHourRow
from tests.browser.chromium import LOOKS, PHONE, PICTURES
from tests.browser.played import PLAYED, SENT, ZONE, insert, play, rows_of, visits

NAMES = ("over-time", "time-to-tap", "weekday-hour", "places")
LIVE_MS = 5_000
_OPTION = "name => window.echarts.getInstanceByDom(document.querySelector(`[data-chart=${name}] .plot`)).getOption()"


@pytest.fixture(scope="module")
def summer(shop):
    """The shop with a broadcast of 1,500 contacts, 1,400 taps and a third as many visits of machines, a while ago."""
    play(shop, "summer", 1_500, visits(1_500, 1_400), text="Hi, 20 % off: https://shop.acme.example/?c={contact_id}")
    return shop


def opened(screen, path="/reports/summer"):
    """The page with its charts drawn."""
    screen.page.goto(path, wait_until="load")  # its stream never leaves the network idle
    for name in NAMES:
        screen.page.locator(f"[data-chart={name}] svg, [data-chart={name}].blank").first.wait_for(state="attached")
    return screen.page


def option(page, name):
    return page.evaluate(_OPTION, name)


def coloured(page):
    """Countries of the map with their taps."""
    return {one["name"]: one["value"] for one in option(page, "places")["series"][0]["data"] if "value" in one}


def table(page, name):
    """The texts of its rows."""
    rows = page.locator(f"#{name}-table tbody tr").all()
    return [[text.replace("\u202f", " ") for text in row.locator("th, td").all_text_contents()] for row in rows]


def local(row):
    return datetime.fromtimestamp(row["at_ms"] / 1_000, ZoneInfo(ZONE))


def people(rows):
    return [row for row in rows if row["visit_class"] == "human"]


def clock(text):
    time = datetime.fromisoformat(text)
    return f"{time.day} {time:%b %Y, %H:%M}"


def test_visits_over_time_are_the_table_the_report_and_the_rows(looks, summer):
    page, rows = opened(looks.signed_in(summer.key)), rows_of(summer, "summer")
    report = summer.call("GET", "/v1/broadcasts/summer/report")["by_time"]

    shown = option(page, "over-time")["series"]

    for series, kind in zip(shown, ("people", "machines"), strict=True):
        assert series["data"] == [row[kind] for row in report]
    assert {row["step_s"] for row in report} == {3_600}
    hours = Counter((f"{local(row):%Y-%m-%dT%H:00:00}", row["visit_class"] == "human") for row in rows)
    assert hours == Counter(
        {(row["begins_at"], is_people): row[kind] for row in report
         for kind, is_people in (("people", True), ("machines", False)) if row[kind]}
    )  # fmt: skip
    assert table(page, "over-time") == [
        [clock(row["begins_at"]), f"{row['people']:,}", f"{row['machines']:,}", "0"]
        for row in report if row["people"] + row["machines"]
    ]  # fmt: skip


def test_the_time_to_tap_is_the_table_the_report_and_the_rows(looks, summer):
    page, rows = opened(looks.signed_in(summer.key)), rows_of(summer, "summer")
    seconds = summer.call("GET", "/v1/broadcasts/summer/report")["seconds_to_tap"]
    first = {}
    for row in people(rows):
        first[row["contact_id"]] = min(first.get(row["contact_id"], row["at_ms"]), row["at_ms"])
    waits = [at_ms / 1_000 - SENT.timestamp() for at_ms in first.values()]

    shown = option(page, "time-to-tap")
    curve, lines = shown["series"][0]["data"][1:], shown["series"][1]["markLine"]["data"]

    marks = [row["seconds"] for row in seconds["cumulative"]][: len(curve)]
    assert curve == [round(row["share"] * 100, 1) for row in seconds["cumulative"]][: len(curve)]
    assert curve == [round(sum(wait <= mark for wait in waits) / len(waits) * 100, 1) for mark in marks]
    assert curve[-1] == 100
    assert [share.removesuffix(" %") for _, share in table(page, "time-to-tap")][-1] == "100"
    assert len(table(page, "time-to-tap")) == len(curve)
    for line, share in zip(lines, (0.5, 0.9), strict=True):
        low, high = marks[int(line["xAxis"]) - 1], marks[int(line["xAxis"])]
        assert low <= sorted(waits)[int(len(waits) * share)] <= high


def test_the_hours_of_the_week_are_the_table_the_report_and_the_rows(looks, summer):
    page, rows = opened(looks.signed_in(summer.key)), rows_of(summer, "summer")
    report = summer.call("GET", "/v1/broadcasts/summer/report")

    cells = {(day + 1, hour): taps for hour, day, taps in option(page, "weekday-hour")["series"][0]["data"]}

    assert report["tz"] == ZONE
    assert ZONE in page.locator("#weekday-hour-description").inner_text()
    full = {(cell["weekday"], cell["hour"]): cell["clicks"] for cell in report["by_weekday_hour"]}
    assert {place: taps for place, taps in cells.items() if taps} == full
    assert full == Counter((local(row).isoweekday(), local(row).hour) for row in people(rows))
    matrix = [[int(text.replace(",", "")) for text in row] for row in table(page, "weekday-hour")]
    assert matrix == [[hour, *(cells[day, hour] for day in range(1, 8))] for hour in range(24)]


def test_the_map_is_the_list_the_report_and_the_rows(looks, summer):
    page, rows = opened(looks.signed_in(summer.key)), rows_of(summer, "summer")
    report = summer.call("GET", "/v1/broadcasts/summer/report")["by_country"]

    drawn = coloured(page)

    listed = {name.strip(): int(taps.replace(",", "")) for name, taps, _ in table(page, "places")}
    assert list(listed.values()) == [row["clicks"] for row in report]
    assert Counter(row["country"] for row in people(rows)) == {row["country"]: row["clicks"] for row in report}
    assert set(listed) - set(drawn) == {"Not known", "Singapore", "Malta"}
    assert drawn == {name: listed[name] for name in drawn}
    assert drawn["Germany"] == max(listed.values())


def test_a_filter_narrows_every_chart(looks, summer):
    report = summer.call("GET", "/v1/broadcasts/summer/report?country=AT")
    page = opened(looks.signed_in(summer.key))

    page.get_by_role("region", name="Countries of the networks").get_by_role("link", name="Austria").click()

    page.wait_for_url("**/reports/summer?country=AT")
    opened_again = opened_here(page)
    assert sum(option(opened_again, "over-time")["series"][0]["data"]) == report["clicks"]["human"]
    assert coloured(page) == {"Austria": report["clicks"]["human"]}
    assert sum(taps for *_, taps in option(page, "weekday-hour")["series"][0]["data"]) == report["clicks"]["human"]


def opened_here(page):
    page.locator("[data-chart=places] svg").wait_for(state="attached")
    return page


def test_a_country_on_the_map_leads_where_its_row_does(looks, summer):
    page = opened(looks.signed_in(summer.key))

    page.locator("[data-chart=places] path[name=Brazil], [data-chart=places] svg").first.wait_for()
    box = page.locator("[data-chart=places] .plot").bounding_box()
    page.locator("[data-chart=places] .plot").scroll_into_view_if_needed()
    place = page.evaluate(
        "() => { const chart = window.echarts.getInstanceByDom(document.querySelector('[data-chart=places] .plot'));"
        " return chart.convertToPixel({seriesIndex: 0}, [285, 265]); }"
    )
    page.locator("[data-chart=places] .plot").click(position={"x": place[0], "y": place[1]})

    assert box["width"] > 0
    page.wait_for_url("**/reports/summer?country=BR")


def test_a_tap_shows_in_a_chart_without_a_reload_and_leaves_the_reader_alone(looks, summer):
    codes = summer.broadcast("live-chart", 3)
    screen = looks.signed_in(summer.key)
    page = opened(screen, "/reports/live-chart")
    assert page.locator("#over-time-description").inner_text() == "No visit so far."
    page.evaluate("document.body.dataset.same = 'yes'")

    summer.tap(codes[:1])
    page.locator("[data-chart=over-time] svg").wait_for(state="visible", timeout=LIVE_MS)
    page.locator("[data-chart=over-time]").get_by_role("button", name="Show the table").click()
    page.locator("#over-time-table").focus()
    summer.tap(codes[1:3])
    page.wait_for_function(
        "() => [...document.querySelectorAll('#over-time-table td:nth-child(2)')]"
        ".reduce((sum, cell) => sum + Number(cell.textContent), 0) === 3",
        timeout=LIVE_MS,
    )

    assert page.locator("body").get_attribute("data-same") == "yes"
    assert sum(option(page, "over-time")["series"][0]["data"]) == 3
    assert page.locator("#over-time-table").is_visible()
    assert page.evaluate("document.activeElement.id") == "over-time-table"


def test_every_chart_is_saved_as_a_png_under_its_title(looks, summer):
    page = opened(looks.signed_in(summer.key))

    for name in NAMES:
        figure = page.locator(f"[data-chart={name}]")
        plot = figure.locator(".plot").bounding_box()
        with page.expect_download() as saved:
            figure.get_by_role("button", name="PNG").click()
        data = Path(saved.value.path()).read_bytes()
        assert saved.value.suggested_filename == f"summer {name}.png"
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        assert (width, height) == (round(plot["width"]) * 2, (round(plot["height"]) + 44) * 2)
        if PICTURES:
            (Path(PICTURES) / f"saved-{name}.png").write_bytes(data)


def test_the_keyboard_opens_a_table(looks, summer):
    page = opened(looks.signed_in(summer.key))
    button = page.locator("[data-table-of=time-to-tap]")

    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")

    assert page.locator("#time-to-tap-table").is_visible()
    assert page.evaluate("document.activeElement.id") == "time-to-tap-table"


def test_without_a_script_all_tables_stand(looks, summer):
    screen = looks.signed_in(summer.key, javascript=False)
    page = screen.page
    page.goto("/reports/summer")

    for name in NAMES:
        assert page.locator(f"#{name}-table").is_visible()
        assert not page.locator(f"[data-chart={name}] .plot").is_visible()
        assert page.locator(f"#{name}-description").inner_text() != ""
    assert len(table(page, "weekday-hour")) == 24


def test_a_share_has_the_same_charts(looks, summer):
    made = summer.call("POST", "/v1/broadcasts/summer/shares", {})
    report = summer.call("GET", "/v1/broadcasts/summer/report")

    page = opened(looks.at(), "/s/" + made["url"].rsplit("/s/", 1)[1])

    assert option(page, "over-time")["series"][0]["data"] == [row["people"] for row in report["by_time"]]


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("broadcast_id", ["summer", "no-tap", "one-tap"])
def test_charts_can_be_read_by_everyone(looks, summer, broadcast_id, theme, width):
    screen = looks.signed_in(summer.key, theme, width)
    page = opened(screen, f"/reports/{broadcast_id}")

    for name in NAMES[:-1]:
        if broadcast_id != "no-tap":
            page.locator(f"[data-table-of={name}]").click()

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0


@pytest.mark.parametrize("width", [PHONE, 1_200])
def test_ten_million_taps_are_drawn_and_said(looks, summer, width):
    screen = looks.signed_in(summer.key, "light", width)
    page = screen.open("/reports")
    page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", huge())

    page.evaluate("address => import(address).then(module => module.drawAll())", address_of("chart.js"))
    page.locator("[data-chart=places] svg").wait_for(state="visible")
    page.wait_for_timeout(500)

    assert "10,000,000 taps by people" in page.locator("#over-time-description").inner_text()
    assert screen.overflow() == 0
    assert screen.faults_by_axe() == []


def huge():
    """The charts of ten million taps, as the page has them."""
    begin = datetime(2026, 5, 5, 9)
    counts = [10_000_000 // 2**each for each in range(1, 24)]
    counts[0] += 10_000_000 - sum(counts)
    report = Some(
        tz="America/Argentina/ComodRivadavia", unique_contacts=9_000_000,
        by_time=[
            TimeRow(begin + timedelta(hours=each), 3_600, taps, taps // 3, taps // 9)
            for each, taps in enumerate(counts)
        ],
        by_weekday_hour=[WeekdayHourRow(2, 23 - each, taps) for each, taps in enumerate(counts)],
        seconds_to_tap=SecondsToTap(12.0, 14.0, [ShareRow(10, 0.4), ShareRow(30, 0.999999), ShareRow(60, 1.0)]),
        by_country=[CountryRow("US", 9_000_000), CountryRow("IN", 999_999), CountryRow("VC", 1)],
    )  # fmt: skip
    address = Some(narrowed=lambda **_: "/reports/huge")
    parts = ("report_charts.html", "report_places.html")
    charts = charts_of(report)
    assert charts.places.rows
    return "".join(
        _templates.get_template(part).render(report=report, charts=charts, address=address, counted="Taps")
        for part in parts
    )


def test_a_print_has_light_charts_and_no_buttons(looks, summer):
    screen = looks.signed_in(summer.key, "dark")
    page = opened(screen)

    page.emulate_media(media="print")
    page.wait_for_timeout(500)
    people_colour = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--people')")

    assert people_colour == "#065c50"
    assert page.locator(f"[data-chart=over-time] path[fill='{people_colour}']").count() > 0
    assert page.locator("[data-chart] button:visible").count() == 0
    for name in NAMES:
        assert page.locator(f"[data-chart={name}] svg").bounding_box()["width"] == 660
        # Else paper is scaled to the chart as it was on the screen.
        assert (
            page.locator(f"[data-chart={name}] .plot").evaluate("plot => getComputedStyle(plot).overflow") == "hidden"
        )
    screen.keep_picture()
    page.emulate_media(media="screen")
    page.wait_for_timeout(500)
    assert page.locator("[data-chart=over-time] svg").bounding_box()["width"] > 1_000


def test_forced_colours_draw_in_colours_of_the_system(looks, summer):
    screen = looks.signed_in(summer.key)
    screen.page.emulate_media(forced_colors="active")
    page = opened(screen)

    screen.keep_picture()
    highlight = page.evaluate(
        "() => { const one = document.createElement('i'); one.style.color = 'Highlight'; document.body.append(one);"
        " return getComputedStyle(one).color; }"
    )

    assert option(page, "over-time")["series"][0]["itemStyle"]["color"] == highlight


def test_the_first_paint_is_small_and_charts_come_after_it(looks, summer):
    screen = looks.signed_in(summer.key)
    sizes = {}
    screen.page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))

    opened(screen)

    late = {url: size for url, size in sizes.items() if "/vendor/" in url or url.endswith("world.svg")}
    assert len(late) == 2
    assert sum(sizes.values()) - sum(late.values()) < 300_000


def test_without_the_map_its_list_stands(looks, summer):
    screen = looks.signed_in(summer.key)
    screen.page.route("**/world.svg", lambda route: route.fulfill(status=404))
    screen.page.goto("/reports/summer", wait_until="load")
    screen.page.locator("[data-chart=over-time] svg").wait_for(state="attached")

    assert screen.page.locator("#places-table").is_visible()
    assert not screen.page.locator("[data-chart=places] .plot").is_visible()
    screen.troubles[:] = [one for one in screen.troubles if "404" not in one]  # the browser logs every such answer


def test_a_late_visit_is_in_a_step_of_its_own(looks, summer):
    play(summer, "late", 20, visits(20, 30))
    at = (datetime(2026, 7, 1, 12, tzinfo=UTC)).timestamp()
    insert(
        summer, "late", [{"contact_id": "played-1", "link_id": PLAYED + 1, "visit_class": "human", "clicked_at": at}]
    )

    page = opened(looks.signed_in(summer.key), "/reports/late")

    assert table(page, "over-time")[-1] == ["1 Jul 2026, 00:00", "1", "0", "0"]
