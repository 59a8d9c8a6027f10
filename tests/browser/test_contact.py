"""One contact across broadcasts: found from a report, whatever its id is; each figure the API's; erased at last."""

import json
import time
from datetime import datetime
from urllib.parse import quote

import pytest

from tests.browser.chromium import LOOKS
from tests.browser.shop import IPHONE

UGLY = ["<b>ann</b>/%2f&?#\"'", "\u05d0\u05d1\u05d2 / x", "x" * 255, "100%/a b/../c", "c;d=1\\e"]
CONTACT = "/contacts/c-100"  # tapped by iPhone and by Android in spring-sale


def path_of(contact_id):
    return f"/contacts/{quote(contact_id, safe='')}"


@pytest.fixture(scope="module")
def ugly(shop):
    """A broadcast whose contacts have ids that are hard to put into a page or an address, all of whom tapped."""
    shop.call(
        "PUT",
        "/v1/broadcasts/ugly",
        {
            "short_domain": "go.acme.example",
            "destinations": ["https://acme.example/"],
            "sent_at": "2026-01-01T00:00:00Z",
        },
    )
    lines = "".join(json.dumps({"contact_id": name, "audience": "<i>vip</i>"}) + "\n" for name in UGLY)
    codes = [link["code"] for link in shop.call("POST", "/v1/broadcasts/ugly/links", lines.encode())]
    shop.tap(codes, IPHONE)
    deadline = time.monotonic() + 30
    while shop.call("GET", "/v1/broadcasts/ugly/report")["clicks"]["human"] < len(UGLY):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return shop


def cells(page, table, column):
    return (
        page.get_by_role("table", name=table, exact=True).locator(f"tbody td[data-label='{column}']").all_inner_texts()
    )


@pytest.mark.parametrize("javascript", [True, False])
def test_its_history_is_the_one_of_the_api(looks, shop, javascript):
    known = shop.call("GET", f"/v1{CONTACT}")

    page = looks.signed_in(shop.key, javascript=javascript).open(CONTACT)

    broadcasts = page.get_by_role("table", name="Links", exact=True).locator("tbody th a").all_inner_texts()
    assert broadcasts == [link["broadcast_id"] for link in known["links"]]
    times = page.get_by_role("table", name="Visits of these links").locator("tbody th time").all()
    shown = [datetime.fromisoformat(time.get_attribute("datetime")) for time in times]
    assert shown == [datetime.fromisoformat(click["clicked_at"]) for click in known["clicks"]]
    people = sum(click["visit_class"] == "human" for click in known["clicks"])
    assert page.locator(".figure.people .value").inner_text() == f"{people}" == "2"
    assert sum(int(text) for text in cells(page, "Links", "Taps")) == people
    assert "iOS" in cells(page, "Visits of these links", "Device")[-1]
    assert "1 tap of others" in cells(page, "Links", "Forwarded")


@pytest.mark.parametrize("contact_id", UGLY)
def test_any_id_leads_from_the_report_to_its_contact(screen, ugly, contact_id):
    page = screen.page
    page.goto(f"/reports/ugly?q={quote(contact_id)}", wait_until="load")

    page.get_by_role("link", name=contact_id, exact=True).click()

    page.wait_for_url("**/contacts/**")
    assert page.get_by_role("heading", level=1).inner_text() == contact_id
    assert page.get_by_role("table", name="Links", exact=True).locator("tbody tr").count() == 1
    assert page.locator("main b, main i").count() == 0


def test_a_contact_without_links_is_not_known(screen):
    answer = screen.page.goto("/contacts/nobody")

    assert answer.status == 404
    assert "has no link for this contact" in screen.page.locator(".notice").inner_text()
    screen.troubles[:] = [one for one in screen.troubles if "404" not in one]  # the browser logs every such answer


def test_one_that_an_account_below_has_is_seen_there(screen, shop):
    assert screen.page.goto(f"{CONTACT}?account=main/below").status == 404
    assert screen.page.goto(f"{CONTACT}?account=main").status == 200
    screen.troubles[:] = [one for one in screen.troubles if "404" not in one]


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("contact_id", ["c-100", *UGLY[:3]])
def test_it_can_be_read_by_everyone(looks, ugly, contact_id, theme, width):
    screen = looks.signed_in(ugly.key, theme, width)

    screen.open(path_of(contact_id))

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0


def test_who_may_not_erase_reads_why(looks, shop):
    reader = shop.call("POST", "/v1/keys", {"account": "main", "name": "reader", "scopes": ["report"]})

    page = looks.signed_in(reader["key"]).open(CONTACT)

    assert "the scope admin" in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Erase this contact").count() == 0


def test_a_contact_is_erased_after_a_question(screen, ugly):
    page = screen.open(path_of(UGLY[-1]))
    page.get_by_role("button", name="Erase this contact").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Erase this contact").click()

    page.get_by_role("button", name="Erase it").click()

    said = page.locator(".notice.good").inner_text()
    assert said.startswith("The erasure ")
    assert screen.faults_by_axe() == []
    erasure_id = said.split()[2]
    assert ugly.call("GET", f"/v1/erasures/{erasure_id}")["state"] in ("queued", "running", "done")
