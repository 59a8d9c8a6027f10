"""What is done on pages, click by click: each change is there for the API afterwards."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.shop import DOMAIN

BIDI, MARKUP = "\u202eevil", "<img src=x onerror=alert(1)>"
TEXT = "Hi {first_name|there}, order {order}: https://shop.acme.example/o/{order} Reply STOP"


@pytest.fixture(scope="session")
def sending(shop):
    """A broadcast with a text and no contact."""

    def put(broadcast_id, **fields):
        body = {"short_domain": DOMAIN, "text": TEXT, **fields}
        shop.call("PUT", f"/v1/broadcasts/{broadcast_id}", body)
        return broadcast_id

    return put


def upload(page, csv, name="contacts.csv"):
    data = csv.encode() if isinstance(csv, str) else csv
    page.get_by_label("Contacts file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})


def forgive(screen, *words):
    """Refusals that a test provokes: a browser writes each into the console."""
    assert all(any(word in trouble for word in words) for trouble in screen.troubles), screen.troubles
    screen.troubles.clear()


def test_a_text_is_counted_as_it_is_typed_and_becomes_a_broadcast(screen, shop):
    page = screen.open("/new")

    page.get_by_label("Message").type("Hi {first_name|there}, ")
    expect(page.locator("#fault")).to_contain_text("URL")
    page.get_by_label("Message").type("order {order}: https://shop.acme.example/o/{order}")
    expect(page.locator("#sample")).to_have_text(f"Hi first_name, order order: https://{DOMAIN}/000000000")
    page.get_by_label("order").fill("№17")
    expect(page.locator("#warnings")).to_contain_text("№")
    expect(page.locator("#segments")).to_have_text("1")
    page.get_by_role("textbox", name=re.compile("^Name")).fill("typed-one")
    page.get_by_role("button", name="Keep it").click()

    page.wait_for_url("**/broadcasts/typed-one*")
    expect(page.get_by_role("status").first).to_be_attached()
    kept = shop.call("GET", "/v1/broadcasts/typed-one")
    assert kept["text"].startswith("Hi {first_name|there}, order {order}: ")
    assert kept["destinations"] == ["https://shop.acme.example/o/{order}"]


def test_a_name_that_is_taken_replaces_nothing(screen, shop):
    page = screen.open("/new")
    page.get_by_label("Message").fill(TEXT)
    page.get_by_role("textbox", name=re.compile("^Name")).fill("spring-sale")

    page.get_by_role("button", name="Keep it").click()

    expect(page.get_by_role("alert")).to_contain_text("broadcast spring-sale is there already")
    assert shop.call("GET", "/v1/broadcasts/spring-sale")["text"] == ""
    forgive(screen, "412")


def test_contacts_are_checked_line_by_line_and_then_made_into_a_file(screen, shop, sending, tmp_path):
    page = screen.open(f"/broadcasts/{sending('uploaded')}")
    names = f"{MARKUP},{BIDI},{'n' * 255}".split(",")
    rows = "".join(f'"+4915100000{n}";"{name}";{n}\r\n' for n, name in enumerate(names))
    upload(page, f"Phone;First Name;Order\r\n{rows};Bob;9\r\n")

    expect(page.get_by_label("Column of the phone number")).to_have_value("Phone")
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator("#result")).to_contain_text("line 5: contact_id is empty")
    expect(page.locator("#result")).to_contain_text("line 3:")
    assert screen.faults_by_axe() == []
    assert shop.call("GET", "/v1/broadcasts/uploaded/links")["items"] == []
    page.get_by_role("button", name=re.compile("Make 2 messages, without 2 lines")).click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save uploaded.csv").click()

    saved.value.save_as(tmp_path / "made.csv")
    made = (tmp_path / "made.csv").read_text("utf-8-sig")
    links = shop.call("GET", "/v1/broadcasts/uploaded/links")["items"]
    assert [link["contact_id"] for link in links] == ["+49151000000", "+49151000002"]
    assert all(link["short_url"] in made for link in links)
    assert MARKUP in made
    assert page.locator("#result img").count() == 0


def test_an_upload_that_is_broken_off_makes_nothing_and_can_be_sent_again(screen, shop, sending):
    page = screen.open(f"/broadcasts/{sending('broken-off')}")
    page.route("**/messages?*", lambda route: route.abort("connectionreset"), times=1)
    upload(page, "contact_id,order\nc-1,17\n")

    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("alert")).to_contain_text("The connection broke while the file was sent; nothing was made")
    forgive(screen, "ERR_CONNECTION_RESET")
    page.get_by_role("button", name="Check the file").click()

    expect(page.get_by_role("button", name="Make 1 message")).to_be_visible()
    assert shop.call("GET", "/v1/broadcasts/broken-off/links")["items"] == []


def test_an_answer_that_is_cut_off_gives_the_same_links_when_it_is_asked_for_again(screen, shop, sending):
    page = screen.open(f"/broadcasts/{sending('cut-off')}")
    upload(page, "contact_id,order\nc-1,17\nc-2,18\n")
    page.get_by_role("button", name="Check the file").click()

    def cut(route):
        whole = route.fetch()
        route.fulfill(status=200, headers={"content-type": "application/x-ndjson"}, body=whole.text()[:-20])

    page.route("**/messages?*", cut, times=1)
    page.get_by_role("button", name="Make 2 messages").click()
    expect(page.get_by_role("alert")).to_contain_text("The answer was cut off after 1 message")
    page.get_by_role("button", name="Make 2 messages").click()

    expect(page.locator("#result")).to_contain_text("2 messages made")
    assert len(shop.call("GET", "/v1/broadcasts/cut-off/links")["items"]) == 2


def test_a_file_that_is_no_csv_is_refused_in_words(screen, sending):
    page = screen.open(f"/broadcasts/{sending('no-csv')}")
    upload(page, b"PK\x03\x04\x14\x00\x00\x00", "contacts.xlsx")

    page.get_by_role("button", name="Check the file").click()

    expect(page.get_by_role("alert")).to_contain_text("it is no CSV file but a spreadsheet")
    forgive(screen, "422")


def test_verification_shows_its_findings_and_verdict(screen):
    page = screen.open("/broadcasts/no-tap")
    page.get_by_label("open the destinations").uncheck()

    page.get_by_role("button", name="Verify").click()

    expect(page.locator("#verify-said")).to_contain_text("40 links asked for", timeout=20_000)
    assert screen.faults_by_axe() == []


def test_a_fix_says_how_many_phones_it_concerns_and_is_in_force(screen, shop):
    shop.broadcast("to-fix", 3)
    page = screen.open("/broadcasts/to-fix")

    page.get_by_role("textbox", name="Destination").fill("https://shop.acme.example/new")
    page.get_by_role("button", name="Change").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("3 phones have a link of it.")
    assert screen.faults_by_axe() == []
    page.get_by_role("button", name="Cancel").click()
    assert shop.call("GET", "/v1/broadcasts/to-fix")["destinations"] == ["https://shop.acme.example/?c={contact_id}"]
    page.get_by_role("button", name="Change").first.click()
    page.get_by_role("button", name="Change it for 3 phones").click()

    expect(page.locator("#status")).to_contain_text("Changed")
    assert shop.call("GET", "/v1/broadcasts/to-fix")["destinations"] == ["https://shop.acme.example/new"]


def test_a_broadcast_is_stopped_by_the_keyboard_alone(screen, shop):
    shop.broadcast("to-stop", 1)
    page = screen.open("/broadcasts/to-stop")

    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.do") == "stop":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("1 phone has a link of it.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("#status")).to_contain_text("Done")
    assert shop.call("GET", "/v1/broadcasts/to-stop")["stopped"] is True


def test_of_two_tabs_the_second_is_told_and_changes_nothing(looks, shop):
    shop.broadcast("two-tabs", 2)
    first, second = looks.signed_in(shop.key), looks.signed_in(shop.key)
    first.open("/broadcasts/two-tabs")
    second.open("/broadcasts/two-tabs")

    first.page.get_by_role("button", name="Stop the broadcast").click()
    first.page.get_by_role("button", name="Stop it for 2 phones").click()
    expect(first.page.locator("#status")).to_contain_text("Done")
    second.page.get_by_role("textbox", name="Destination").fill("https://shop.acme.example/late")
    second.page.get_by_role("button", name="Change").first.click()
    second.page.get_by_role("button", name="Change it for 2 phones").click()

    expect(second.page.get_by_role("alert")).to_contain_text("broadcast two-tabs was changed at")
    assert shop.call("GET", "/v1/broadcasts/two-tabs")["destinations"] == ["https://shop.acme.example/?c={contact_id}"]
    forgive(second, "412")
    second.page.get_by_role("link", name="Show it as it is now").click()
    expect(second.page.get_by_role("button", name="Resume the broadcast")).to_be_visible()


def test_a_domain_and_a_key_are_made_changed_and_taken_back(screen, shop):
    page = screen.open("/settings")

    page.get_by_text("Register a domain").click()
    page.get_by_role("textbox", name=re.compile("^Domain")).fill("go.pages.example")
    page.locator("#new-domain").get_by_label("Name that pages show").fill(MARKUP)
    page.get_by_role("button", name="Register it").click()
    expect(page.get_by_text("Change go.pages.example")).to_be_visible()
    assert shop.call("GET", "/v1/domains/go.pages.example")["display_name"] == MARKUP
    page.get_by_text("Make a key").click()
    page.locator("#new-key").get_by_label("Name").fill(f"{BIDI} {'k' * 190}")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#made-key")).not_to_be_empty()
    key = page.locator("#made-key").inner_text()
    assert shop.call("GET", "/v1/domains", key=key)["items"]
    page.reload()
    page.get_by_role("button", name=re.compile("^Revoke .*evil")).click()
    page.get_by_role("button", name="Revoke it").click()

    expect(page.locator("#status")).to_contain_text("Revoked")
    assert screen.overflow() == 0


def test_without_a_script_the_pages_say_what_is_there_and_what_needs_one(looks, shop):
    screen = looks.signed_in(shop.key, javascript=False)

    page = screen.open("/broadcasts/spring-sale")

    expect(page.locator("main")).to_contain_text("300 phones have a link of it")
    expect(page.locator("noscript .notice")).to_be_visible()


def test_a_key_that_may_only_read_is_told_so(looks, shop):
    reader = shop.call("POST", "/v1/keys", {"name": "reader", "scopes": ["report"]})["key"]
    screen = looks.signed_in(reader)

    for path in ("/new", "/broadcasts/spring-sale", "/links", "/settings", "/reports/spring-sale/shares"):
        page = screen.open(path)
        expect(page.locator("main")).to_contain_text("needs a key with the scope")
        assert page.locator("form:not(.sign-out):not([method=dialog])").count() == 0
        assert screen.faults_by_axe() == []


def test_a_shared_link_is_made_changed_and_deleted(screen, shop):
    page = screen.open("/links")
    if not page.get_by_role("textbox", name="Slug").is_visible():
        page.get_by_text("Make a link").click()
    page.get_by_role("textbox", name=re.compile("^Destination")).first.fill("https://shop.acme.example/poster")
    page.get_by_role("textbox", name="Slug").fill("POSTER")
    page.get_by_role("textbox", name="Keyword").fill(MARKUP)
    page.get_by_role("button", name="Make the link").click()
    card = page.locator("li.link").filter(has_text="/POSTER")
    expect(card).to_contain_text(MARKUP)
    for image in page.locator("img").all():  # what waits by a function in the page is refused by the page's policy
        expect(image).to_have_js_property("complete", True)
        expect(image).not_to_have_js_property("naturalWidth", 0)
    for kind, begins in (("SVG", b"<"), ("PNG", b"\x89PNG")):
        with page.expect_download() as saved:
            card.get_by_role("link", name=f"QR as {kind}").click()
        assert Path(saved.value.path()).read_bytes().startswith(begins)

    card.get_by_text("Change or delete").click()
    card.get_by_role("textbox").fill("https://shop.acme.example/new-poster")
    card.get_by_role("button", name="Change").click()
    expect(page.get_by_role("dialog")).to_contain_text("lead to https://shop.acme.example/new-poster from now on")
    page.get_by_role("button", name="Change it").click()
    expect(card).to_contain_text("https://shop.acme.example/new-poster")
    assert shop.call("GET", f"/v1/links/{DOMAIN}/POSTER")["goes_to"] == "https://shop.acme.example/new-poster"
    card.get_by_text("Change or delete").click()
    card.get_by_role("button", name="Delete POSTER").click()
    page.get_by_role("button", name="Delete it").click()

    expect(page.locator("#status")).to_contain_text("Deleted")
    assert screen.faults_by_axe() == []


def test_the_list_leads_to_where_a_broadcast_is_changed(screen):
    page = screen.open("/reports?q=no-tap")

    page.get_by_role("link", name="Fix or stop no-tap").click()

    expect(page.get_by_role("button", name="Stop the broadcast")).to_be_visible()
