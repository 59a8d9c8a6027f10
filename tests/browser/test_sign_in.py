"""Signing in by key, and what a session is good for."""

import pytest

KEY_FIELD = "API key"


def test_a_key_opens_the_reports_and_chromium_keeps_the_cookie_on_the_loopback(looks, shop):
    screen = looks.at()

    screen.sign_in(shop.key)

    [cookie] = screen.context.cookies()
    assert cookie["name"] == "__Host-taptrail"
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")
    assert shop.key not in cookie["value"]
    assert screen.page.get_by_role("heading", name="Broadcasts").is_visible()


def test_signing_in_works_without_a_script(looks, shop):
    screen = looks.at(javascript=False)

    screen.sign_in(shop.key)

    assert screen.page.get_by_role("heading", name="Broadcasts").is_visible()


def test_a_page_asked_for_before_signing_in_is_shown_after_it(looks, shop):
    screen = looks.at()

    page = screen.open("/reports?q=spring&state=live")
    page.get_by_label(KEY_FIELD).fill(shop.key)
    page.get_by_role("button", name="Sign in").click()

    page.wait_for_url("**/reports?q=spring&state=live")


def test_who_signs_out_is_out_in_every_tab(looks, shop):
    screen = looks.signed_in(shop.key)
    other = screen.context.new_page()
    other.goto("/reports")

    screen.page.get_by_role("button", name="Sign out").click()
    screen.page.wait_for_url("**/login")
    other.reload()

    assert other.url.endswith("/login")


def test_a_session_ends_when_its_key_is_revoked(looks, shop):
    made = shop.call("POST", "/v1/keys", {"name": "ann", "scopes": ["report"]})
    screen = looks.signed_in(made["key"])

    shop.call("DELETE", f"/v1/keys/{made['key_id']}")
    screen.open("/reports")

    assert screen.page.url.endswith("/login")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_wrong_key_is_said_beside_the_field(looks, javascript):
    screen = looks.at(javascript=javascript)
    page = screen.open("/login")

    page.get_by_label(KEY_FIELD).fill("wrong-key-0123456789")
    page.get_by_role("button", name="Sign in").click()

    assert "not known" in page.get_by_role("alert").inner_text()
    screen.troubles[:] = [one for one in screen.troubles if "401" not in one]  # the browser logs every such answer
