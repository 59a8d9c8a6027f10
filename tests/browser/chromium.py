"""Screens of a real Chromium that notice what a page should not do: messages, CSP reports, requests to elsewhere."""

import os
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE, DESK = 390, 1_200  # pixels
PICTURES = os.environ.get("TAPTRAIL_PICTURES", "")  # a folder: a picture of each page that axe reads goes there
Theme = Literal["light", "dark"]
LOOKS: tuple[tuple[Theme, int], ...] = (("light", DESK), ("light", PHONE), ("dark", DESK), ("dark", PHONE))

_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  tellViolation(`${event.violatedDirective} ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
"""
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Screen:
    """One window. `page` is Playwright's; `troubles` says what its pages did that they should not."""

    def __init__(
        self, browser: Browser, url: str, *, theme: Theme, width: int, javascript: bool, timezone: str
    ) -> None:
        self.url, self.theme, self.width = url, theme, width
        self.troubles: list[str] = []
        self._pictures = 0
        self.context: BrowserContext = browser.new_context(
            base_url=url, color_scheme=theme, viewport={"width": width, "height": 900}, java_script_enabled=javascript,
            timezone_id=timezone, locale="en-GB",
        )  # fmt: skip
        self.context.set_default_timeout(10_000)
        self.context.expose_function("tellViolation", lambda text: self.troubles.append(f"CSP: {text}"))
        self.context.add_init_script(_TELL_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.troubles.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("request", self._check_host)

    def _check_host(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != urlsplit(self.url).netloc:
            self.troubles.append(f"request to elsewhere: {request.url}")

    def sign_in(self, key: str) -> None:
        self.page.goto("/login")
        field = self.page.get_by_label("API key")
        expect(field).to_be_focused()  # else Chromium says that the field could not be focused any more
        field.fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/reports")

    def open(self, path: str) -> Page:
        self.page.goto(path, wait_until="networkidle")
        return self.page

    def faults_by_axe(self) -> list[str]:
        """What axe finds on the page as it is: rule, and the place of each."""
        self.keep_picture()
        self.page.evaluate(AXE)
        found = self.page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
        return [
            f"{one['id']}: {node['target']} {node['html'][:120]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def overflow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        return self.page.evaluate(_OVERFLOW)

    def keep_picture(self) -> None:
        """Keep what the page looks like, under the name of the test, where a folder is given."""
        if not PICTURES:
            return
        test = os.environ["PYTEST_CURRENT_TEST"].removesuffix(" (call)").rpartition("/test_")[2]
        name = re.sub(r"\.py::test_|[^a-z0-9]+", "-", test.lower()).strip("-")[:150]
        self._pictures += 1
        self.page.screenshot(path=Path(PICTURES) / f"{name}-{self._pictures}.png", full_page=True)


class Looks:
    """Opens screens, and closes them all."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser, self._url = browser, url
        self._screens: list[Screen] = []

    def at(
        self, theme: Theme = "light", width: int = DESK, *, javascript: bool = True, timezone: str = "Europe/Berlin"
    ) -> Screen:
        screen = Screen(
            self._browser, self._url, theme=theme, width=width, javascript=javascript, timezone=timezone
        )  # fmt: skip
        self._screens.append(screen)
        return screen

    def signed_in(self, key: str, theme: Theme = "light", width: int = DESK, **more: Any) -> Screen:
        screen = self.at(theme, width, **more)
        screen.sign_in(key)
        return screen

    def close(self) -> list[str]:
        """The troubles of all screens."""
        for screen in self._screens:
            screen.context.close()
        return [trouble for screen in self._screens for trouble in screen.troubles]
