"""The list of broadcasts: found, narrowed, read without a script and without a mouse; its figures are the API's."""

import pytest


def rows(page):
    """Of the table: the id, and every cell by its label."""
    found = {}
    for row in page.locator("table.broadcasts tbody tr").all():
        cells = {cell.get_attribute("data-label"): cell.inner_text() for cell in row.locator("td[data-label]").all()}
        found[row.locator("th a").first.inner_text()] = cells
    return found


@pytest.mark.parametrize("javascript", [True, False])
def test_each_figure_is_the_one_of_the_report(looks, shop, javascript):
    screen = looks.signed_in(shop.key, javascript=javascript)

    shown = rows(screen.open("/reports"))

    assert {"spring-sale", "one-tap", "no-tap", "not-sent", "stopped-one", "expired-one"} <= set(shown)
    for broadcast_id, cells in shown.items():
        report = shop.call("GET", f"/v1/broadcasts/{broadcast_id}/report")
        machines = sum(report["clicks"][kind] for kind in ("preview", "prefetch", "scanner", "bot"))
        assert cells["Contacts"] == str(report["contacts"])
        assert cells["People"] == str(report["unique_contacts"])
        assert cells["Machines"] == str(machines)
    # 180 of 300 contacts, counted by hand when they tapped.
    assert shown["spring-sale"]["People"] == "180"
    assert shown["spring-sale"]["Click-through"].replace("\u202f", " ") == "60 %"
    assert shown["spring-sale"]["Machines"] == "150"


@pytest.mark.parametrize("javascript", [True, False])
def test_a_search_and_a_state_narrow_the_list_and_stand_in_the_address(looks, shop, javascript):
    screen = looks.signed_in(shop.key, javascript=javascript)
    page = screen.open("/reports")

    page.get_by_label("Search", exact=True).fill("SPRING")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/reports?q=SPRING*")
    assert list(rows(page)) == ["spring-sale"]

    page.goto("/reports?state=over&q=-one")
    assert sorted(rows(page)) == ["expired-one", "stopped-one"]
    assert page.get_by_label("State").input_value() == "over"


def test_more_broadcasts_than_a_page_holds_are_paged(looks, shop):
    for number in range(30):
        shop.broadcast(f"many-{number}", 0, source="many")
    page = looks.signed_in(shop.key, javascript=False).open("/reports?q=many")
    first = list(rows(page))

    page.get_by_role("link", name="Next page").click()

    assert len(first) == 25
    assert sorted(first + list(rows(page))) == sorted(f"many-{number}" for number in range(30))
    assert page.get_by_role("link", name="First page").is_visible()


def test_the_keyboard_alone_reaches_everything(screen):
    page = screen.open("/reports?q=spring-sale")
    reached = []

    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.name || ''").strip())

    assert reached[0] == "Skip to the content"
    assert {"Broadcasts", "New", "Links", "Settings", "Sign out", "q", "Search", "spring-sale"} <= set(reached)


def test_the_first_paint_is_small(looks, shop):
    screen = looks.signed_in(shop.key)
    sizes = []
    screen.page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))

    screen.open("/reports")

    assert 0 < sum(sizes) < 300_000
