"""The whole system with some broadcasts in it, and a real Chromium that looks at its pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import CHROMIUM, Looks, Screen
from tests.browser.shop import Shop, filled


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Iterator[Shop]:
    """`taptrail up` of a shop that has sent broadcasts, and whose recipients have tapped."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    filled(shop)
    yield shop
    shop.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("no chromium on this machine; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def looks(shop, browser) -> Iterator[Looks]:
    """Opens screens on the shop's pages; whatever a screen complained of fails the test at its end."""
    looks = Looks(browser, shop.control)
    yield looks
    assert looks.close() == []


@pytest.fixture
def screen(looks, shop) -> Screen:
    """A wide, light screen where the shop is signed in."""
    return looks.signed_in(shop.key)
