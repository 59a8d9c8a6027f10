"""All pages as routes: signing in, static files, and what each group of pages shows."""

from typing import Protocol

from starlette.routing import Route

from control.http.auth import Access
from control.pages import assets
from control.pages.gate import Shown, routes_of
from control.pages.sign_in import SignIn


class Pages(Protocol):
    """A group of pages, built with what they read."""

    def shown(self) -> list[Shown]: ...


def site(access: Access, *groups: Pages) -> list[Route]:
    pages = [one for group in groups for one in group.shown()]
    return [*SignIn(access).routes(), *assets.ROUTES, *routes_of(access, pages)]
