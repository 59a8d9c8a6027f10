"""Every page, in both themes, on a desk and on a phone: nothing for axe, nothing wider than the screen."""

import pytest

from tests.browser.chromium import LOOKS

# (name, path) of every page; {key_id} and the like are filled in by the shop.
PAGES = [
    ("login", "/login"),
    ("reports", "/reports"),
    ("reports-none", "/reports?q=nothing-like-that"),
    ("new", "/new"),
    ("broadcast", "/broadcasts/spring-sale"),
    ("broadcast-not-sent", "/broadcasts/not-sent"),
    ("shares-none", "/reports/not-sent/shares"),
    ("links", "/links"),
    ("settings", "/settings"),
]


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize(("name", "path"), PAGES)
def test_a_page_can_be_read_by_everyone(looks, shop, name, path, theme, width):
    screen = looks.at(theme, width)
    if name != "login":
        screen.sign_in(shop.key)

    screen.open(path)

    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0
