"""What the edge answers, whatever serves it: with the fast path, without it, and on another ASGI server."""

import base64
import contextlib
import hashlib
import os
import re
import subprocess
import sys
from urllib.parse import quote

import pytest

from tests.support.edge import HOST, WAYS, cipher, destination, standing_edge

CODE = cipher.seal(5)


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


@pytest.fixture(scope="module")
def edge(empty_stores, tmp_path_factory, way):
    """One for all of these tests: none of them changes what it knows."""
    folder = tmp_path_factory.mktemp("edge")
    with standing_edge(way, empty_stores, folder, TAPTRAIL_UNKNOWN_PER_MINUTE="1000000") as edge:
        yield edge


def test_a_live_link_redirects_and_nothing_may_keep_the_answer(edge):
    answer = edge.get(f"/{CODE}")

    assert (answer.status, answer.headers["Location"], answer.text) == (302, destination(5), "")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("glued", [".", ",", ")", "!", "%22", "%E2%80%9D", "'", "/", ").", "/."])
def test_punctuation_glued_to_a_code_changes_nothing(edge, glued):
    assert edge.get(f"/{CODE}{glued}").headers["Location"] == destination(5)


@pytest.mark.parametrize(
    "glued",
    ["\u2026", "*", "~", "\u200b", "\ufeff", "\r\n", "\nThank you", "\r\n\r\nBye", "\t", "\u3002", "\u300d\uff01"],
    ids=ascii,
)
def test_what_apps_and_people_glue_to_a_code_changes_nothing(edge, glued):
    assert edge.get(f"/{CODE}{quote(glued, safe='')}").headers["Location"] == destination(5)
    if glued.isprintable() or not glued.isascii():  # the others would end the request line
        raw = f"GET /{CODE}{glued} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        assert destination(5).encode() in edge.send(raw)


def test_a_query_does_not_choose_the_destination(edge):
    assert edge.get(f"/{CODE}?url=https://evil.example").headers["Location"] == destination(5)


def test_the_host_may_have_a_port_a_dot_and_capitals(edge):
    assert edge.get(f"/{CODE}", host="GO.Acme.example.:8080").headers["Location"] == destination(5)


def test_head_is_answered_as_get_without_a_body(edge):
    answer = edge.get(f"/{CODE}", method="HEAD")
    page = edge.get("/unknown00", method="HEAD")

    assert (answer.status, answer.headers["Location"]) == (302, destination(5))
    assert (page.status, page.text) == (404, "")
    assert int(page.headers["Content-Length"]) > 500


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused_with_the_ones_allowed(edge, method):
    answer = edge.get(f"/{CODE}", method=method)

    assert answer.status == 405
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


ODD_PATHS = ["/nope12345", "/sale", "/a/b", "/a%2Fb", "/%00", "/" + "x" * 9000, "/x.php", "//", "/%ff%fe"]


@pytest.mark.parametrize("path", ODD_PATHS)
def test_an_unknown_code_gets_a_branded_404_page(edge, path):
    answer = edge.get(path)

    assert answer.status == 404
    assert "Acme &amp; Sons" in answer.text
    assert "Link not found" in answer.text


def test_an_unknown_host_gets_a_plain_404(edge):
    answer = edge.get(f"/{CODE}", host="evil.example")

    assert (answer.status, answer.headers["Location"]) == (404, None)


GLUED_TEXTS = [
    "\u200e",
    "\u060c\u0645",
    "をご覧ください",
    "\u2014und",
    "&fbclid=IwAR0",
    "?utm=x",
    ".Danke",
    "-siehe",
    "__",
]


@pytest.mark.parametrize("text", GLUED_TEXTS, ids=ascii)
def test_text_glued_to_a_link_ends_its_code(edge, text):
    assert edge.get(f"/{CODE}{quote(text, safe='')}").headers["Location"] == destination(5)
    raw = f"GET /{CODE}{text} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    assert destination(5).encode() in edge.send(raw)


def test_a_domain_answers_for_itself(edge):
    assert "Acme" in edge.get("/").text
    assert "Disallow: /" in edge.get("/robots.txt").text
    assert edge.get("/favicon.ico").status == 204
    assert edge.get("/.well-known/apple-app-site-association").status == 404


def request(path, *headers):
    lines = b"".join(header + b"\r\n" for header in (b"Host: " + HOST.encode(), *headers))
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), lines)


@pytest.fixture
def ours(edge, way):
    """An edge on our own server: what another makes of a request's target, it does not tell the application."""
    if way == "granian":
        pytest.skip("it hands over no target")
    return edge


ABSOLUTE = [
    f"http://{HOST}/{CODE}",
    f"HTTP://GO.Acme.example.:8080/{CODE}?utm=x",
    f"https://user:pass@{HOST}/{CODE}.",
]


@pytest.mark.parametrize("target", ABSOLUTE)
def test_the_host_of_an_absolute_target_counts(ours, target):
    raw = f"GET {target} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode()

    assert destination(5).encode() in ours.send(raw)


@pytest.mark.parametrize("authority", ["evil.example", f"{HOST}@evil.example", "evil.example:80"])
@pytest.mark.parametrize("path", [f"/{CODE}", "/", ""])
def test_the_host_field_does_not_count_beside_an_absolute_target(ours, authority, path):
    raw = f"GET http://{authority}{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

    assert ours.send(raw).startswith(b"HTTP/1.1 404")


def test_a_domain_answers_for_itself_to_an_absolute_target(ours):
    got = ours.send(f"GET http://{HOST} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode(), until=b"</html>")

    assert got.startswith(b"HTTP/1.1 200")
    assert b"Acme" in got


def test_pipelined_requests_are_answered_in_their_order(edge):
    data = b"".join(request("/" + cipher.seal(link_id)) for link_id in (1, 2, 3, 4))

    got = edge.send(data + request("/nope12345", b"Connection: close"), until=b"</html>")

    places = [got.index(destination(link_id).encode()) for link_id in (1, 2, 3, 4)]
    assert places == sorted(places)
    assert got.count(b"HTTP/1.1 302") == 4


def test_a_connection_is_kept_or_closed_as_asked(edge):
    assert b"connection: close" not in edge.send(request(f"/{CODE}"))
    assert b"connection: close" in edge.send(request(f"/{CODE}", b"Connection: close"))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header\x00: x\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
    ],
)  # fmt: skip
def test_broken_requests_do_not_disturb_the_others(edge, data):
    with contextlib.suppress(OSError):
        edge.send(data + b"\r\n\r\n")

    assert edge.tap(5) == destination(5)


@pytest.mark.servers
def test_a_wrong_setting_is_refused_at_start_by_name(tmp_path):
    environ = {**os.environ, "TAPTRAIL_CODE_KEY": "tooshort", "TAPTRAIL_SPOOL_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", "edge"], env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "TAPTRAIL_CODE_KEY" in done.stderr
    assert "32 hex digits" in done.stderr
    assert "tooshort" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


PATHS_WITH_PAGES = ["/nope12345", "/", "/robots.txt", "/.well-known/nope", "/a/b"]


@pytest.mark.parametrize("path", PATHS_WITH_PAGES)
def test_a_browser_takes_a_page_for_no_more_than_it_is(edge, path):
    answer = edge.get(path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    if answer.headers["Content-Type"].startswith("text/html"):
        style = re.search("<style>(.*)</style>", answer.text)[1]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"default-src 'none'; style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


def test_a_redirect_carries_nothing_that_it_does_not_need(edge):
    names = {name.lower() for name in edge.get(f"/{CODE}").headers}

    assert names - {"date", "server"} == {"location", "cache-control", "x-robots-tag", "content-length"}
