"""The page of one broadcast: figures of the API, taps without a reload, shares without contacts."""

import json
import time
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import LOOKS
from tests.browser.shop import DOMAIN, IPHONE

REPORT = "/reports/spring-sale"
LIVE_MS = 5_000


def open_report(screen, path=REPORT):
    screen.page.goto(path, wait_until="load")  # its stream never leaves the network idle
    return screen.page


@pytest.mark.parametrize("javascript", [True, False])
def test_its_figures_are_those_of_the_api(looks, shop, javascript):
    report = shop.call("GET", "/v1/broadcasts/spring-sale/report")

    page = open_report(looks.signed_in(shop.key, javascript=javascript))

    assert f"{report['unique_contacts']:,}" in page.locator(".figure.people").inner_text()
    classes = [report["clicks"][name] for name in ("human", "preview", "prefetch", "scanner", "bot", "unknown")]
    assert numbers_of(page, "Visits by class") == classes
    for name, rows in (
        ("Device", "by_device"),
        ("System", "by_os"),
        ("Browser", "by_browser"),
        ("Audiences", "by_audience"),
    ):
        place = 1 if rows == "by_audience" else 0
        assert numbers_of(page, name, place) == [row["clicks"] for row in report[rows]], name
    assert numbers_of(page, "Why they are no people") == [row["clicks"] for row in report["by_reason"]]
    assert page.get_by_text("WhatsApp: the app fetched a preview").is_visible()


def numbers_of(page, name, place=0):
    """Of a table, the numbers of a column that has them."""
    rows = page.get_by_role("region", name=name, exact=True).locator("tbody tr")
    return [int(row.locator("td.num").nth(place).inner_text().replace(",", "")) for row in rows.all()]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_line_of_a_list_narrows_everything_and_stands_in_the_address(looks, shop, javascript):
    page = open_report(looks.signed_in(shop.key, javascript=javascript))

    page.get_by_role("region", name="System", exact=True).get_by_role("link", name="Android").click()
    page.wait_for_url("**/reports/spring-sale?os=Android")
    narrowed = shop.call("GET", "/v1/broadcasts/spring-sale/report?os=Android")
    assert numbers_of(page, "System") == [row["clicks"] for row in narrowed["by_os"]] == [80]
    assert page.locator(".figure.people .value").inner_text() == str(narrowed["unique_contacts"])
    page.get_by_role("region", name="Audiences").get_by_role("link", name="vip").click()
    page.wait_for_url("**/reports/spring-sale?os=Android&audience=vip")

    page.get_by_role("link", name="Remove System: Android").click()
    page.wait_for_url("**/reports/spring-sale?audience=vip")


def test_a_search_of_contacts_keeps_what_the_report_is_narrowed_to(looks, shop):
    page = open_report(looks.signed_in(shop.key), f"{REPORT}?account=main&os=iOS")

    page.get_by_label("Search contacts").fill("c-11")
    page.get_by_role("button", name="Search").click()

    page.wait_for_url("**/reports/spring-sale?account=main&os=iOS&q=c-11")
    assert page.get_by_role("rowheader", name="c-110").is_visible()


def test_it_leads_to_where_the_broadcast_is_changed(screen):
    page = open_report(screen)

    page.get_by_role("link", name="Fix or stop").click()

    page.wait_for_url("**/broadcasts/spring-sale?account=main")


def test_a_tap_shows_without_a_reload(looks, shop):
    codes = shop.broadcast("live-one", 3)
    page = open_report(looks.signed_in(shop.key), "/reports/live-one")
    assert page.locator(".figure.people .value").inner_text() == "0"
    time.sleep(1)

    shop.tap(codes[:1], IPHONE)

    page.locator(".figure.people .value", has_text="1").wait_for(timeout=LIVE_MS)


def test_a_page_whose_stream_was_refused_follows_again(looks, shop):
    codes = shop.broadcast("refused-one", 3)
    screen = looks.signed_in(shop.key)
    refused = []

    def refuse(route):
        refused.append(route.request.method)
        route.fulfill(status=503)

    screen.page.route("**/reports/*/live*", refuse, times=2)  # the stream, and the question whether it is there again
    page = open_report(screen, "/reports/refused-one")
    page.route("**/reports/refused-one", refuse, times=1)  # and then the report itself
    shop.tap(codes[:1], IPHONE)

    page.locator(".figure.people .value", has_text="1").wait_for(timeout=30_000)
    assert refused == ["GET", "HEAD", "GET"]
    screen.troubles[:] = [one for one in screen.troubles if "503" not in one]  # the browser logs every such answer


def test_a_page_whose_session_is_over_asks_no_more(looks, shop):
    screen = looks.signed_in(shop.key)
    asked = []

    def note(request):
        if urlsplit(request.url).path.endswith("/live"):
            asked.append(request.method)

    screen.page.on("request", note)
    screen.page.route("**/reports/*/live*", lambda route: route.fulfill(status=401), times=2)

    page = open_report(screen)
    page.wait_for_timeout(9_000)  # it asks after 4 s at most, and would again within 8

    assert asked == ["GET", "HEAD"]
    screen.troubles[:] = [one for one in screen.troubles if "401" not in one]


def test_a_share_shows_the_report_and_no_contact(looks, shop):
    made = shop.call("POST", "/v1/broadcasts/spring-sale/shares", {})
    screen = looks.at()

    page = open_report(screen, "/s/" + made["url"].rsplit("/s/", 1)[1])
    assert page.get_by_role("heading", name="spring-sale").is_visible()
    assert "c-1" not in page.content().replace("spring", "")
    assert page.get_by_role("link", name="XLSX").count() == 0

    shop.call("DELETE", f"/v1/shares/{made['share_id']}")
    assert page.goto(page.url).status == 404
    screen.troubles[:] = [one for one in screen.troubles if "404" not in one]  # the browser logs every such answer


@pytest.fixture(scope="session")
def hostile(shop):
    """A broadcast whose contact and audience have names as long and as hostile as they can be."""
    audience, contact = "<b>\u202e" + "W" * 124, "<script>alert(1)</script>\u202e" + "W" * 101
    shop.call("PUT", "/v1/broadcasts/hostile", {"short_domain": DOMAIN, "destinations": ["https://shop.acme.example/"]})
    line = json.dumps({"contact_id": contact, "audience": audience}).encode()
    links = shop.call("POST", "/v1/broadcasts/hostile/links", line)
    time.sleep(1.1)  # a tap within a second of the send would be judged to be a machine's
    shop.tap([links[0]["code"]])
    return contact


def test_a_hostile_name_is_shown_as_it_is(screen, hostile):
    page = open_report(screen, "/reports/hostile")
    page.locator(".figure.people .value", has_text="1").wait_for(timeout=LIVE_MS)
    page.reload()

    assert page.get_by_role("rowheader", name=hostile).is_visible()
    assert page.locator("main b").count() == 0


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("broadcast_id", ["spring-sale", "no-tap", "one-tap", "hostile"])
def test_it_can_be_read_by_everyone(looks, shop, hostile, broadcast_id, theme, width, tmp_path):
    screen = looks.signed_in(shop.key, theme, width)

    open_report(screen, f"/reports/{broadcast_id}")

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0


def test_on_paper_there_is_no_control_and_each_figure_has_its_footnote(screen):
    page = open_report(screen)
    page.emulate_media(media="print")

    controls = page.locator("main").locator("button, .button, form, input, summary, .downloads")
    assert [one.inner_text() for one in controls.all() if one.is_visible()] == []
    notes = [note.inner_text() for note in page.locator("main sup.note").all() if note.is_visible()]
    known = [note.inner_text() for note in page.locator(".definitions .note").all() if note.is_visible()]
    assert len(notes) >= 8
    assert set(notes) <= set(known)
    assert page.get_by_text("Contacts with at least one tap.").is_visible()
