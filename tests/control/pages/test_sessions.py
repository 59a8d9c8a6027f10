"""Sessions as a browser has them, against a real control process: cookies, refusals, bounds."""

import http.client
from urllib.parse import quote, urlencode

import pytest
from markupsafe import escape

from tests.support.control import MAIN

COOKIE = "__Host-taptrail"


def ask(control, method, path, body=None, **headers):
    """(status, headers, text)."""
    connection = http.client.HTTPConnection("127.0.0.1", control.port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def signed_in(control, key=MAIN, **fields):
    status, headers, _ = ask(
        control, "POST", "/login", urlencode({"key": key, **fields}), Content_Type="application/x-www-form-urlencoded"
    )
    assert status == 303
    return headers["Set-Cookie"].split(";")[0]


async def test_a_sign_in_answers_303_and_a_cookie_that_says_nothing_of_the_key(control, redis):
    status, headers, _ = ask(control, "POST", "/login", urlencode({"key": MAIN}))

    assert (status, headers["Location"]) == (303, "/reports")
    cookie = headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert attribute.lower() in cookie.lower()
    assert "domain" not in cookie.lower()
    session_id = cookie.split(";")[0].partition("=")[2]
    [key] = [key async for key in redis.scan_iter("tt:session:*")]
    assert session_id not in key.decode()
    assert MAIN not in (await redis.get(key)).decode()
    assert 0 < await redis.ttl(key) <= 12 * 3_600


async def test_a_page_without_a_session_leads_to_the_form_and_back(control):
    status, headers, _ = ask(control, "GET", "/reports?q=spring")
    assert (status, headers["Location"]) == (303, "/login?next=%2Freports%3Fq%3Dspring")

    status, headers, _ = ask(control, "POST", "/login", urlencode({"key": MAIN, "next": "/reports?q=spring"}))
    assert headers["Location"] == "/reports?q=spring"
    status, headers, _ = ask(control, "POST", "/login", urlencode({"key": MAIN, "next": "//evil.example"}))
    assert headers["Location"] == "/reports"
    assert ask(control, "GET", "/")[1]["Location"] == "/login"


async def test_the_api_takes_a_session_where_there_is_no_key(control):
    cookie = signed_in(control)

    assert ask(control, "GET", "/v1/broadcasts", Cookie=cookie)[0] == 200
    assert ask(control, "GET", "/v1/broadcasts", Cookie=f"{COOKIE}=forged")[0] == 401
    assert ask(control, "GET", "/v1/broadcasts", Cookie=cookie, Authorization="Bearer wrong")[0] == 401


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)]
)
async def test_an_unsafe_method_from_another_site_is_refused(control, site, status):
    control.broadcast()
    cookie = signed_in(control)

    answer = ask(control, "PATCH", "/v1/broadcasts/spring", b'{"stopped":true}', Cookie=cookie, Sec_Fetch_Site=site)

    assert answer[0] == status
    assert ask(control, "POST", "/login", urlencode({"key": MAIN}), Sec_Fetch_Site=site)[0] == (
        403 if status == 403 else 303
    )


async def test_a_session_ends_with_its_key_and_with_a_sign_out(control, redis):
    made = control.call("POST", "/v1/keys", {"name": "ann", "scopes": ["report"]}).body
    cookie, other = signed_in(control, made["key"]), signed_in(control)
    assert ask(control, "GET", "/reports", Cookie=cookie)[0] == 200

    control.call("DELETE", f"/v1/keys/{made['key_id']}")
    ask(control, "POST", "/logout", b"", Cookie=other)

    assert ask(control, "GET", "/reports", Cookie=cookie)[1]["Location"] == "/login"
    assert ask(control, "GET", "/v1/broadcasts", Cookie=cookie)[0] == 401
    assert ask(control, "GET", "/reports", Cookie=other)[1]["Location"] == "/login"
    assert [key async for key in redis.scan_iter("tt:session:*")] != []  # of the key: it expires by itself


async def test_a_key_that_may_only_mint_sees_no_report(control):
    made = control.call("POST", "/v1/keys", {"name": "crm", "scopes": ["mint"]}).body

    status, _, text = ask(control, "GET", "/reports", Cookie=signed_in(control, made["key"]))

    assert status == 403
    assert "scope report" in text


async def test_an_account_sees_its_own_broadcasts_alone(control):
    control.broadcast("spring")
    made = control.call("POST", "/v1/keys", {"name": "s", "scopes": ["report"], "account": "main/sub"}).body

    text = ask(control, "GET", "/reports", Cookie=signed_in(control, made["key"]))[2]

    assert "spring" not in text
    assert ask(control, "GET", "/reports?account=main", Cookie=signed_in(control, made["key"]))[0] == 404


@pytest.mark.parametrize("path", ["/login", "/reports"])
async def test_every_page_carries_the_policy(control, path):
    status, headers, _ = ask(control, "GET", path, Cookie=signed_in(control) if path != "/login" else "")

    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for part in ("base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_static_files_are_kept_for_good_and_packed(control):
    page = ask(control, "GET", "/login")[2]
    address = page.split('href="/static/')[1].split('"')[0]

    status, headers, _ = ask(control, "GET", f"/static/{address}")
    packed = http.client.HTTPConnection("127.0.0.1", control.port, timeout=30)
    packed.request("GET", f"/static/{address}", headers={"Accept-Encoding": "gzip"})

    assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert packed.getresponse().headers["Content-Encoding"] == "gzip"
    assert ask(control, "GET", "/static/0000/taptrail.css")[1]["Cache-Control"] == "no-cache"
    for path in ("/static/0000/../render.py", "/static/0000/%2e%2e/render.py", "/static/0000/nothing.css"):
        assert ask(control, "GET", path)[0] == 404


async def test_a_form_that_is_too_large_is_refused(control):
    assert ask(control, "POST", "/login", b"key=" + b"a" * 10_000)[0] == 413


async def test_wrong_keys_end_in_a_wait(controls, valkey_url, redis, clickhouse):
    control = controls(valkey_url)

    answers = [ask(control, "POST", "/login", urlencode({"key": f"wrong-{number}"})) for number in range(21)]

    assert [status for status, *_ in answers] == [401] * 20 + [429]
    assert 0 < int(answers[-1][1]["Retry-After"]) <= 61


@pytest.mark.parametrize("words", ['"><b>49</b>', "\u202egnp.exe", "a" * 255, "{{7*7}}", "' OR 1=1 --", "50%", "\\"])
async def test_a_search_for_any_text_is_answered_and_escaped(control, words):
    status, _, text = ask(control, "GET", f"/reports?q={quote(words)}", Cookie=signed_in(control))

    assert status == 200
    assert f'value="{escape(words)}"' in text
    assert "No broadcast is like that" in text


@pytest.mark.parametrize("query", ["state=dead", "cursor=%00", "nothing=1", "account=a/../b"])
async def test_a_query_that_cannot_be_is_refused_by_a_page_that_names_it(control, query):
    status, headers, text = ask(control, "GET", f"/reports?{query}", Cookie=signed_in(control))

    assert (status, headers.get_content_type()) == (422, "text/html")
    assert query.partition("=")[0] in text.lower()
    assert 'href="/reports"' in text
