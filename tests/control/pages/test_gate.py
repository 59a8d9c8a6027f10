"""Where pages lead to, and what they escape."""

import pytest

from control.access.caller import Caller
from control.http.problems import Problem
from control.http.same_origin import check_same_origin
from control.pages.gate import HOME, within_here
from control.pages.render import page


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", "/a\r\nx: y",
        "/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_a_sign_in_leads_to_no_other_host(path):
    assert within_here(path) == HOME
    assert within_here("/reports/spring?state=live") == "/reports/spring?state=live"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": ""},
        {"origin": "https://evil.example", "host": "taps.acme.example"},
        {"origin": "null", "host": "taps.acme.example"},
    ],
)  # fmt: skip
def test_a_page_of_another_origin_changes_nothing(headers):
    with pytest.raises(Problem) as raised:
        check_same_origin("POST", headers)

    assert raised.value.status == 403
    check_same_origin("GET", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {},
        {"origin": "https://taps.acme.example", "host": "taps.acme.example"},
    ],
)  # fmt: skip
def test_a_page_from_here_and_a_program_may_change_things(headers):
    check_same_origin("DELETE", headers)


def test_what_others_chose_is_escaped_and_keeps_its_direction_to_itself():
    detail = "<script>alert(1)</script>\u202e"

    body = page("problem.html", Caller("<b>acme"), problem=Problem("invalid", detail)).body.decode()

    assert "<script>alert" not in body
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;\u202e</bdi>" in body
    assert "<bdi>&lt;b&gt;acme</bdi>" in body


def test_no_template_has_an_inline_style_or_script_or_handler():
    body = page("login.html", None, then="", error="").body.decode()

    assert " style=" not in body
    assert " onclick" not in body
    assert body.count("<script") == body.count('<script type="module" src="/static/') == 1
