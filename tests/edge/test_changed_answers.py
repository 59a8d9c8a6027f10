"""What the edge answers once a domain, a broadcast or a link is another, whatever serves it."""

import re

import msgspec
import pytest

from records.keys import domain_key
from tests.support.edge import DOMAIN, HOST, WAYS, cache, cache_slug, change, cipher, destination, store

CODE = cipher.seal(5)


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    return request.param


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


async def test_links_minted_while_the_edge_runs_are_known_at_once(redis, clickhouse, edge):
    assert edge.tap(100) == 404
    await store(clickhouse, links=[100])
    await cache(redis, links=[100])

    assert edge.tap(100) == destination(100)


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
