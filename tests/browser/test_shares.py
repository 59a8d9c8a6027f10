"""Links that show a report without a key: made, copied, opened and revoked on the page, with and without a script."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import LOOKS

API = "/v1/broadcasts/{}/shares"


def shares_of(shop, broadcast_id):
    return shop.call("GET", API.format(broadcast_id))["items"]


def empty(shop, broadcast_id):
    """The page of a broadcast that has no share."""
    for one in shares_of(shop, broadcast_id):
        shop.call("DELETE", f"/v1/shares/{one['share_id']}")
    return f"/reports/{broadcast_id}/shares"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_share_is_made_opened_and_revoked(looks, shop, javascript):
    empty(shop, "spring-sale")
    screen, visitor = looks.signed_in(shop.key, javascript=javascript), looks.at(javascript=javascript)
    page = screen.page
    page.goto("/reports/spring-sale")

    page.get_by_role("link", name="Share").click()
    expect(page.locator("main")).to_contain_text("No link to this report works now")
    assert page.get_by_label("ends in").input_value() == "30"
    page.get_by_label("ends in").select_option("7")
    page.get_by_role("button", name="Make the link").click()
    url = page.get_by_label("Link to the report").input_value()
    expect(page.get_by_role("button", name="Copy")).to_be_visible(visible=javascript)
    [made] = shares_of(shop, "spring-sale")

    visitor.page.goto(url, wait_until="load")
    expect(visitor.page.get_by_role("heading", name="spring-sale")).to_be_visible()
    assert visitor.page.get_by_role("link", name="Share").count() == 0
    assert visitor.page.get_by_role("navigation").count() == 0

    page.locator("summary").click()
    assert shares_of(shop, "spring-sale") == [made]  # a question first
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("status").first).to_contain_text("shows nothing from now on")
    assert shares_of(shop, "spring-sale") == []
    assert visitor.page.goto(url).status == 404
    visitor.troubles[:] = [one for one in visitor.troubles if "404" not in one]  # the browser logs every such answer


def test_the_link_is_copied(looks, shop):
    screen = looks.signed_in(shop.key)
    screen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = screen.open(empty(shop, "one-tap"))
    page.get_by_role("button", name="Make the link").click()

    page.get_by_role("button", name="Copy").click()

    expect(page.locator("#status")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.get_by_label("Link to the report").input_value()


def test_where_a_browser_lets_nobody_copy_the_link_is_selected(looks, shop):
    screen = looks.signed_in(shop.key)
    screen.context.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page = screen.open(empty(shop, "one-tap"))
    page.get_by_role("button", name="Make the link").click()

    page.get_by_role("button", name="Copy").click()

    expect(page.locator("#status")).to_contain_text("copy it by hand")
    assert page.evaluate("getSelection().toString()") == page.get_by_label("Link to the report").input_value()


def test_it_is_made_and_revoked_by_the_keyboard_alone(screen, shop):
    page = screen.open(empty(shop, "no-tap"))

    def to(what, most=20):
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").startswith(what):
                return
        pytest.fail(f"no {what} within {most} steps")

    to("Make the link")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Link to the report")).to_be_focused()
    assert len(shares_of(shop, "no-tap")) == 1
    to("Revoke")
    page.keyboard.press("Enter")
    to("Revoke it")
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_contain_text("No link to this report works now")
    assert shares_of(shop, "no-tap") == []


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_it_can_be_read_by_everyone(looks, shop, theme, width):
    key = shop.call("POST", "/v1/keys", {"name": "Ann Example, agency " + "n" * 180, "scopes": ["report", "manage"]})
    path = empty(shop, "spring-sale")
    shop.call("POST", API.format("spring-sale"), {}, key=key["key"])
    screen = looks.signed_in(shop.key, theme, width)

    page = screen.open(path)
    page.get_by_role("button", name="Make the link").click()
    page.locator("summary").first.click()

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0
    shop.call("DELETE", f"/v1/keys/{key['key_id']}")
