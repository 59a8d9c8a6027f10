"""An address that is not there: a page for a browser, a problem document for a program."""

import pytest

from tests.control.pages.test_sessions import ask, signed_in

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def test_a_browser_gets_a_page_below_its_navigation(control):
    status, headers, text = ask(control, "GET", "/nothing<b>", Accept=BROWSER, Cookie=signed_in(control))

    assert (status, headers.get_content_type()) == (404, "text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "nothing&lt;b&gt;" in text
    assert 'aria-label="Main"' in text
    assert 'aria-label="Main"' not in ask(control, "GET", "/nothing", Accept=BROWSER)[2]


@pytest.mark.parametrize(
    ("path", "accept"), [("/nothing", "*/*"), ("/nothing", "application/json"), ("/v1/nothing", BROWSER)]
)
async def test_a_program_gets_a_problem_document(control, path, accept):
    status, headers, text = ask(control, "GET", path, Accept=accept)

    assert (status, headers.get_content_type()) == (404, "application/problem+json")
    assert "there is nothing at" in text


async def test_a_method_that_a_page_does_not_have_is_named(control):
    status, headers, text = ask(control, "DELETE", "/login", Accept=BROWSER)

    assert (status, headers.get_content_type()) == (405, "text/html")
    assert "DELETE is not offered here" in text
    assert set(headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert ask(control, "DELETE", "/v1/domains")[1]["Allow"]


async def test_a_broadcast_that_is_not_there_is_a_page(control):
    status, headers, text = ask(control, "GET", "/reports/none", Accept=BROWSER, Cookie=signed_in(control))

    assert (status, headers.get_content_type()) == (404, "text/html")
    assert "none" in text
