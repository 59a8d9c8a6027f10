"""The comparison of broadcasts: chosen in the list, each figure the API's, read by everyone."""

import pytest

from tests.browser.chromium import LOOKS

TWO = "/reports/compare?b=spring-sale&b=stopped-one"
FIVE = "/reports/compare?b=spring-sale&b=one-tap&b=no-tap&b=not-sent&b=stopped-one"


def figures(page, table="Figures"):
    """Of a table: the values of each row, a column for each broadcast."""
    rows = page.get_by_role("table", name=table, exact=True).locator("tbody tr").all()
    return {
        row.locator("th .name").inner_text(): [cell.inner_text() for cell in row.locator("td > .value").all()]
        for row in rows
    }


def percent(text):
    return float(text.replace("\u202f", "").rstrip("%"))


@pytest.mark.parametrize("javascript", [True, False])
def test_broadcasts_are_chosen_in_the_list(looks, shop, javascript):
    page = looks.signed_in(shop.key, javascript=javascript).open("/reports?q=-")

    page.get_by_label("Compare spring-sale").check()
    page.get_by_label("Compare stopped-one").check()
    page.get_by_role("button", name="Compare those chosen").click()

    page.wait_for_url("**/reports/compare?*")
    assert page.get_by_role("heading", level=1).inner_text() == "2 broadcasts side by side"
    assert figures(page)["People"] == ["10", "180"]


@pytest.mark.parametrize("javascript", [True, False])
def test_each_figure_is_the_one_of_the_api(looks, shop, javascript):
    one, other = shop.call("GET", "/v1/report?broadcasts=spring-sale,stopped-one")["broadcasts"]

    page = looks.signed_in(shop.key, javascript=javascript).open(TWO)

    shown = figures(page)
    assert shown["People"] == [f"{report['unique_contacts']}" for report in (one, other)]
    assert shown["Taps by people"] == [f"{report['clicks']['human']}" for report in (one, other)]
    machines = [
        sum(each["clicks"][kind] for kind in ("preview", "prefetch", "scanner", "bot")) for each in (one, other)
    ]
    assert shown["Machines"] == [f"{number}" for number in machines]
    assert shown["Forwarded links"] == [f"{report['forwarded']['links']}" for report in (one, other)]
    for text, report in zip(shown["Click-through"], (one, other), strict=True):
        assert percent(text) == round(report["click_through_rate"] * 100, 1)
    for audience in one["by_audience"]:
        values = figures(page, "Audiences")[audience["audience"] or "No audience"]
        assert percent(values[0]) == round(audience["click_through_rate"] * 100, 1)


def test_the_curves_are_those_of_the_api_and_stand_in_a_table(screen, shop):
    report = shop.call("GET", "/v1/broadcasts/spring-sale/report")
    page = screen.open(TWO)
    page.wait_for_selector("[data-chart] svg")

    page.get_by_role("button", name="Show the table").click()

    cells = page.locator("#since-send-table tbody tr td:nth-child(2)").all_inner_texts()
    shares = [row["share"] for row in report["seconds_to_tap"]["cumulative"]]
    assert [percent(cell) for cell in cells] == [round(share * 100, 1) for share in shares]
    assert page.locator("[data-chart] svg path[stroke-dasharray]").count() > 0


def test_one_is_taken_out_and_another_is_added(screen):
    page = screen.open(TWO)

    page.get_by_label("Add a broadcast").fill("one-tap")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**b=one-tap*")
    assert figures(page)["People"] == ["180", "10", "1"]

    page.get_by_role("link", name="Take out stopped-one").click()
    page.wait_for_url(lambda url: "stopped-one" not in url)
    assert figures(page)["People"] == ["180", "1"]


@pytest.mark.parametrize(
    ("name", "query", "beginning"),
    [
        ("CSV", "format=csv", b"of,table,row,figure,value\r\n"),
        ("CSV for Excel (EU)", "dialect=excel-eu", "\ufeffof;table;row;figure;value\r\n".encode()),
        ("XLSX", "format=xlsx", b"PK"),
    ],
)
def test_it_is_downloaded_as_a_file(looks, shop, name, query, beginning):
    page = looks.signed_in(shop.key, javascript=False).open(TWO)

    with page.expect_download() as downloading:
        page.get_by_role("link", name=name, exact=True).click()

    data = downloading.value.path().read_bytes()
    assert query in downloading.value.url
    assert data.startswith(beginning)
    assert name == "XLSX" or (b"spring-sale" in data and b"stopped-one" in data)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("b=spring-sale", 422, "Only one broadcast is chosen: choose 2 to 5"),
        ("", 422, "No broadcast is chosen"),
        ("b=&b=spring-sale", 422, "Only one broadcast is chosen"),
        ("b=spring-sale&b=spring-sale", 422, "is chosen twice"),
        ("b=a&b=b&b=c&b=d&b=e&b=f", 422, "6 broadcasts are chosen"),
        ("b=spring-sale&b=%3Cb%3Enone", 404, 'Account main has no broadcast "<b>none": choose'),
        ("b=spring-sale&b=of-another", 404, 'Account main has no broadcast "of-another": choose'),
        ("b=spring-sale&b=one-tap&c=1", 422, 'query parameter "c" is not known here'),
    ],
)
def test_a_choice_that_cannot_be_compared_says_what_to_do(screen, shop, query, status, said):
    shop.call("PUT", "/v1/domains/go.other.example?account=other", {})
    body = {"short_domain": "go.other.example", "destinations": ["https://shop.other.example/"]}
    shop.call("PUT", "/v1/broadcasts/of-another?account=other", body)

    answer = screen.page.goto(f"/reports/compare?{query}")

    assert answer.status == status
    assert said.lower() in screen.page.locator(".notice").inner_text().lower()
    assert screen.page.get_by_role("link", name="All broadcasts").is_visible()
    assert screen.faults_by_axe() == []
    screen.troubles[:] = [
        one for one in screen.troubles if str(status) not in one
    ]  # the browser logs every such answer


def test_a_broadcast_that_is_called_like_the_page_has_its_report(screen, shop):
    shop.broadcast("compare", 0)

    page = screen.page
    page.goto("/reports/compare", wait_until="load")

    assert page.get_by_role("heading", level=1).inner_text() == "compare"
    page.goto(TWO)
    assert figures(page)["People"] == ["180", "10"]
    shop.call("DELETE", "/v1/broadcasts/compare")


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_it_can_be_read_by_everyone(looks, shop, theme, width):
    screen = looks.signed_in(shop.key, theme, width)

    page = screen.open(FIVE)
    page.wait_for_selector("[data-chart] svg")

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0
    page.get_by_role("button", name="Show the table").click()
    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0
