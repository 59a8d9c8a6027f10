"""The pages that recipients see, as the edge answers them: readable in every look, and no request but for the logo."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import LOOKS, Looks

LOGO = "https://cdn.look.example/logo.svg"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="80"><circle cx="40" cy="40" r="30"/></svg>'
NAME = "Look & Sons, purveyors of everything that can be looked at"
LOOKS_OF = {
    "go.bright.example": {"display_name": NAME, "page": {"color": "#ffd400", "logo": LOGO, "language": "de"}},
    "go.dark.example": {"display_name": NAME, "page": {"color": "#10233a", "language": "fr"}},
    "go.plain.example": {},
}


@pytest.fixture(scope="module")
def paths(shop):
    """By host, the paths of its pages by their names."""
    return {host: _pages_of(shop, host) for host in LOOKS_OF}


def _pages_of(shop, host):
    shop.call("PUT", f"/v1/domains/{host}", LOOKS_OF[host])
    body = {"short_domain": host, "destinations": ["https://shop.acme.example/"], "stopped": True}
    shop.call("PUT", f"/v1/broadcasts/{host}", body)
    (link,) = shop.call("POST", f"/v1/broadcasts/{host}/links", b'{"contact_id":"c-1"}\n')
    return {"home": "/", "unknown": "/nope", "over": "/" + link["code"]}


@pytest.mark.parametrize(("theme", "width"), LOOKS)
@pytest.mark.parametrize("page", ["home", "unknown", "over"])
@pytest.mark.parametrize("host", LOOKS_OF)
def test_a_recipient_can_read_the_page(browser, shop, paths, host, page, theme, width):
    looks, look = Looks(browser, f"http://{host}"), LOOKS_OF[host]
    screen = looks.at(theme, width)
    screen.context.route("**/*", lambda route: _answered(route, shop.edge))

    opened = screen.open(paths[host][page])

    assert opened.get_by_text(look.get("display_name", host), exact=True).count() == 1
    assert screen.faults_by_axe() == []
    assert screen.overflow() == 0
    logo = look.get("page", {}).get("logo")
    assert [trouble for trouble in looks.close() if "Failed to load resource" not in trouble] == (
        [f"request to elsewhere: {logo}"] if logo else []
    )


def _answered(route, edge):
    """As the edge answers for the host; the logo as its own site would."""
    if route.request.url == LOGO:
        route.fulfill(body=SVG, content_type="image/svg+xml")
        return
    parts = urlsplit(route.request.url)
    connection = http.client.HTTPConnection(urlsplit(edge).netloc, timeout=10)
    connection.request("GET", parts.path, headers={"Host": parts.netloc})
    answer = connection.getresponse()
    route.fulfill(status=answer.status, headers=dict(answer.headers), body=answer.read())
    connection.close()
