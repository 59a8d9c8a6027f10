"""The page of one broadcast: figures of the API, taps without a reload, shares without contacts."""

import time

import pytest

from tests.browser.chromium import LOOKS
from tests.browser.shop import IPHONE

REPORT = "/reports/spring-sale"
LIVE_MS = 5_000


def open_report(screen, path=REPORT):
    screen.page.goto(path, wait_until="load")  # its stream never leaves the network idle
    return screen.page


@pytest.mark.parametrize("javascript", [True, False])
def test_its_figures_are_those_of_the_api(looks, shop, javascript):
    report = shop.call("GET", "/v1/broadcasts/spring-sale/report")

    page = open_report(looks.signed_in(shop.key, javascript=javascript))

    text = page.locator("main").inner_text()
    assert f"{report['unique_contacts']:,}" in page.locator(".figure.people").inner_text()
    assert str(report["clicks"]["preview"]) in text
    for row in report["by_os"]:
        cell = page.get_by_role("region", name="System").get_by_role("row").filter(has_text=row["os"])
        assert cell.locator("td").inner_text() == f"{row['clicks']:,}"


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


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("broadcast_id", ["spring-sale", "no-tap", "one-tap"])
def test_it_can_be_read_by_everyone(looks, shop, broadcast_id, theme, width, tmp_path):
    screen = looks.signed_in(shop.key, theme, width)

    open_report(screen, f"/reports/{broadcast_id}")

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0
