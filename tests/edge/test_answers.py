"""What the edge answers, whatever serves it: with the fast path, without it, and on another ASGI server."""

import base64
import contextlib
import hashlib
import os
import re
import subprocess
import sys
from urllib.parse import quote

import msgspec
import pytest

from records.keys import domain_key
from tests.support.edge import DOMAIN, HOST, WAYS, cache, cache_slug, change, cipher, destination, store

CODE = cipher.seal(5)


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


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


async def test_unknown_codes_lead_to_the_domains_own_page_where_it_has_one(redis, clickhouse, edge):
    await change(redis, clickhouse, domain={"not_found": "https://acme.example/404"})

    assert edge.get("/nope12345").headers["Location"] == "https://acme.example/404"


async def test_a_stopped_broadcast_is_over_on_the_next_tap_and_never_looks_unknown(redis, clickhouse, edge):
    assert edge.tap(5) == destination(5)
    await change(redis, clickhouse, broadcast={"stopped": True})

    answer = edge.get(f"/{CODE}")

    assert answer.status == 410
    assert "switched off" in answer.text


async def test_a_fixed_destination_is_in_force_on_the_next_tap(redis, clickhouse, edge):
    assert edge.tap(5) == destination(5)
    await change(redis, clickhouse, broadcast={"destinations": ("https://new.example/",)})

    assert edge.tap(5) == "https://new.example/"


async def test_a_code_of_another_domain_is_unknown_here(redis, clickhouse, edge):
    await change(redis, clickhouse, domain={"short_domain": "other.example"})

    assert edge.get(f"/{CODE}", host="other.example").status == 404
    assert edge.get(f"/{CODE}").status == 302


async def test_a_slug_leads_where_its_link_leads(redis, edge):
    await cache_slug(redis, "SALE", 5)

    assert edge.get("/SALE").headers["Location"] == destination(5)
    assert edge.get("/sale").status == 404


async def test_a_slug_is_found_as_written_first_and_then_without_regard_to_case(redis, clickhouse, edge):
    slugs = [{"link_id": number, "slug": slug, "short_domain": HOST, "broadcast_no": 1, "contact_id": f"c-{number}"}
             for number, slug in ((21, "SALE"), (22, "Spring"), (23, "spring"))]  # fmt: skip
    await clickhouse.insert_rows("links", slugs)

    for path in ("/SALE", "/sale", "/Sale", "/sale%E3%80%82", "/sale_"):
        assert edge.get(path).headers["Location"] == destination(21)
    assert edge.get("/Spring").headers["Location"] == destination(22)
    assert edge.get("/spring").headers["Location"] == destination(23)
    assert edge.get("/SPRING").status == 404, "two fit"
    assert edge.get("/sale", host="other.example").status == 404


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


async def test_links_minted_while_the_edge_runs_are_known_at_once(redis, clickhouse, edge):
    assert edge.tap(100) == 404
    await store(clickhouse, links=[100])
    await cache(redis, links=[100])

    assert edge.tap(100) == destination(100)


def test_a_domain_answers_for_itself(edge):
    assert "Acme" in edge.get("/").text
    assert "Disallow: /" in edge.get("/robots.txt").text
    assert edge.get("/favicon.ico").status == 204
    assert edge.get("/.well-known/apple-app-site-association").status == 404


async def test_app_links_and_home_are_the_owners(redis, clickhouse, edge):
    links = {"apple-app-site-association": '{"applinks":{}}'}
    await change(redis, clickhouse, domain={"home": "https://acme.example/", "app_links": links})

    assert edge.get("/").headers["Location"] == "https://acme.example/"
    answer = edge.get("/.well-known/apple-app-site-association")
    assert (answer.text, answer.headers["Content-Type"]) == ('{"applinks":{}}', "application/json")


async def test_robots_txt_is_the_owners(redis, clickhouse, edge):
    text = "User-agent: *\nAllow: /sale\nDisallow: /\n# für alle\n"
    await change(redis, clickhouse, domain={"robots": text})

    answer = edge.get("/robots.txt")

    assert answer.text == text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    unknown = edge.get("/robots.txt", host="other.example")
    assert (unknown.status, unknown.text) == (200, "User-agent: *\nDisallow: /\n")


async def test_what_an_app_opens_is_sent_as_it_is_and_no_query_with_it(redis, clickhouse, edge):
    template = "MailTo:info@shop.example?subject=Grüße%20{code}#top"
    await change(redis, clickhouse, broadcast={"destinations": (template,) * 4, "forward_query": True})

    answer = edge.get(f"/{CODE}?bcc=evil@evil.example&utm_source=x")

    assert (answer.status, answer.headers["Location"]) == (
        302, f"MailTo:info@shop.example?subject=Gr%C3%BC%C3%9Fe%20{CODE}#top",
    )  # fmt: skip


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


PAGE = {"color": "#0a5", "logo": "https://cdn.acme.example:8443/logo.svg?v=2", "language": "de"}
GERMAN = "Link nicht gefunden"


async def test_a_page_has_the_look_of_its_domain_and_asks_for_nothing_but_its_logo(redis, clickhouse, edge):
    await change(redis, clickhouse, domain={"page": PAGE})

    answer = edge.get("/nope12345", Accept_Language="ja")

    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status, GERMAN in answer.text, '<html lang="de">' in answer.text) == (404, True, True)
    assert "background:#0a5;color:#000" in answer.text
    assert '<img src="https://cdn.acme.example:8443/logo.svg?v=2" alt="">' in answer.text
    assert "img-src https://cdn.acme.example:8443;" in policy
    assert policy.count("https:") == 1


async def test_a_page_is_in_the_language_of_its_visitor(redis, clickhouse, edge):
    await change(redis, clickhouse, domain={"page": PAGE})

    for path in ("/nope12345", "/", "/a/b"):
        assert '<html lang="fr">' in edge.get(path, Accept_Language="fr-CA, en;q=0.5").text
        assert '<html lang="de">' in edge.get(path).text
    assert '<html lang="nl">' in edge.get("/x", host="evil.example", Accept_Language="nl").text
    assert '<html lang="en">' in edge.get("/x", host="evil.example").text


async def test_pages_of_domains_that_differ_only_in_their_look_are_kept_apart(redis, clickhouse, edge):
    first = edge.get("/nope12345").text
    await change(redis, clickhouse, domain={"page": PAGE})

    assert GERMAN not in first
    assert GERMAN in edge.get("/nope12345").text


@pytest.mark.parametrize("path", ["/", "/nope12345", f"/{CODE}"])
async def test_a_page_says_the_name_of_its_domain_once(redis, clickhouse, edge, path):
    await change(redis, clickhouse, domain={"page": PAGE}, broadcast={"stopped": True})

    answer = edge.get(path)

    assert answer.text.count("Acme &amp; Sons") == 1
    assert "<script" not in answer.text
    assert len(answer.text.encode()) < 10_000


async def test_a_record_of_a_later_release_is_read(redis, clickhouse, edge):
    later = [*msgspec.structs.astuple(msgspec.structs.replace(DOMAIN, page={**PAGE, "font": "serif"})), {"new": 1}]
    await redis.set(domain_key(HOST), msgspec.msgpack.encode(later))

    assert "background:#0a5" in edge.get("/nope12345").text


PREVIEW = {
    "title": 'Half price "today"',
    "description": "Forty pairs & more",
    "image": "https://cdn.acme.example/1.png",
}
WHATSAPP = "WhatsApp/2.23.20.0"
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"
)
OG = re.compile('<meta property="og:([a-z_]+)" content="([^"]*)">')


async def test_what_draws_previews_gets_the_preview_of_the_broadcast_and_people_their_destination(
    redis, clickhouse, edge
):
    await change(redis, clickhouse, broadcast={"preview": PREVIEW}, domain={"preview": {"title": "Acme"}})

    shown = edge.get(f"/{CODE}", User_Agent=WHATSAPP)
    tags = dict(OG.findall(shown.text))

    assert (shown.status, shown.headers["Location"]) == (200, None)
    assert tags == {
        "type": "website", "site_name": "Acme &amp; Sons", "title": "Half price &quot;today&quot;",
        "description": "Forty pairs &amp; more", "image": PREVIEW["image"],
    }  # fmt: skip
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none'; base-uri")
    assert "acme.example/l?c=" not in shown.text
    assert edge.get(f"/{CODE}", User_Agent=PHONE).headers["Location"] == destination(5)
    head = edge.get(f"/{CODE}", method="HEAD", User_Agent=WHATSAPP)
    assert (head.status, head.text, int(head.headers["Content-Length"])) == (200, "", len(shown.text.encode()))


async def test_a_preview_of_the_domain_is_for_broadcasts_that_have_none(redis, clickhouse, edge):
    assert edge.get(f"/{CODE}", User_Agent=WHATSAPP).status == 302
    await change(redis, clickhouse, domain={"preview": {"description": "Shoes"}})

    tags = dict(OG.findall(edge.get(f"/{CODE}", User_Agent=WHATSAPP).text))

    assert (tags["title"], tags["description"]) == ("Acme &amp; Sons", "Shoes")
    assert edge.get("/nope12345", User_Agent=WHATSAPP).status == 404
