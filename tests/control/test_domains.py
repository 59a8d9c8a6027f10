import pytest

from records.domain import Domain, decode_domain
from records.keys import domain_key
from tests.support.control import ACME, DOMAIN, MAIN, SEATTLE, contacts


async def test_a_domain_is_registered_and_reaches_the_edges(control, redis):
    body = {
        "display_name": "Acme",
        "home": "https://acme.example/",
        "status": 307,
        "app_links": {"apple-app-site-association": {"applinks": {}}},
    }

    created = control.call("PUT", "/v1/domains/GO.Acme.example.", body)

    assert (created.status, created.body["short_domain"], created.body["account"]) == (201, DOMAIN, "main")
    cached = decode_domain(await redis.get(domain_key(DOMAIN)))
    assert (cached.display_name, cached.home, cached.status) == ("Acme", "https://acme.example/", 307)
    assert cached.app_links == {"apple-app-site-association": '{"applinks":{}}'}
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", body).status == 200
    assert control.call("GET", f"/v1/domains/{DOMAIN}").body == created.body


async def test_a_domain_belongs_to_one_account(control):
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", {}, ACME).body["account"] == "acme"

    foreign = control.call("PUT", f"/v1/domains/{DOMAIN}", {})
    assert foreign.status == 409
    assert "acme" not in foreign.body["detail"].replace(DOMAIN, "")
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", {}, SEATTLE).status == 409
    assert control.call("GET", f"/v1/domains/{DOMAIN}").status == 404


async def test_an_account_above_manages_the_domains_below_it(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {}, SEATTLE)

    assert control.call("GET", f"/v1/domains/{DOMAIN}", key=ACME).status == 200
    kept = control.call("PUT", f"/v1/domains/{DOMAIN}", {"display_name": "A"}, ACME)
    assert (kept.status, kept.body["account"]) == (200, "acme/seattle")
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", {"account": "acme"}, ACME).status == 409


@pytest.mark.parametrize(
    "name",
    ["localhost", "acme", "127.0.0.1", "go_acme.example", "-go.acme.example", "go..example", "a" * 64 + ".example"],
)
async def test_what_is_no_host_name_is_refused(control, name):
    answer = control.call("PUT", f"/v1/domains/{name}", {})

    assert (answer.status, answer.body["field"]) == (422, "domain")
    assert name[:50] in answer.body["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"home": "http://acme.example/"}, "home"),
        ({"not_found": f"https://{DOMAIN}/lost"}, "not_found"),
        ({"expired": "https://acme.example/{contact_id}"}, "expired"),
        ({"status": 200}, "status"),
        ({"hoem": "https://acme.example/"}, "hoem"),
        ({"app_links": {"../x": {}}}, "app_links.../x"),
    ],
)
async def test_a_wrong_field_is_named(control, body, field):
    answer = control.call("PUT", f"/v1/domains/{DOMAIN}", body)

    assert (answer.status, answer.body["field"]) == (422, field)


@pytest.mark.parametrize(
    "url", ["https://new.acme.example/sale", "https://NEW.acme.example./{code}", "https://\uff4eew.acme.example/"]
)
async def test_a_host_that_a_broadcast_leads_to_does_not_become_a_short_domain(control, url):
    control.broadcast("spring", destinations=("https://shop.acme.example/", url))

    answer = control.call("PUT", "/v1/domains/new.acme.example", {})

    assert (answer.status, answer.body["field"]) == (409, "domain")
    assert "broadcast spring of account main" in answer.body["detail"]
    control.broadcast("spring", destinations=("https://new.acme.example.org/?u=new.acme.example", "https://é.example/"))
    assert control.call("PUT", "/v1/domains/new.acme.example", {}).status == 201


async def test_a_host_that_a_domain_leads_to_does_not_become_a_short_domain(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {"not_found": "https://new.acme.example/"}, ACME)

    own = control.call("PUT", "/v1/domains/new.acme.example", {}, ACME)

    assert own.status == 409
    assert f"domain {DOMAIN} of account acme" in own.body["detail"]


async def test_a_name_on_a_page_holds_no_control_character(control):
    answer = control.call("PUT", f"/v1/domains/{DOMAIN}", {"display_name": "Acme\x00"})

    assert (answer.status, answer.body["field"]) == (422, "display_name")


async def test_robots_txt_is_kept_as_it_is_and_taken_away_by_an_empty_one(control, redis):
    text = "User-agent: *\r\nAllow: /é\t# all\n"

    put = control.call("PUT", f"/v1/domains/{DOMAIN}", {"robots": text})

    assert put.body["robots"] == text
    assert decode_domain(await redis.get(domain_key(DOMAIN))).robots == text
    assert control.call("PATCH", f"/v1/domains/{DOMAIN}", {"robots": ""}).body["robots"] == ""


@pytest.mark.parametrize(
    "text", ["é" * 2048 + "a", "a\x00", "a\x1b[2J", "a\rb"], ids=["bytes", "nul", "escape", "return"]
)
async def test_robots_txt_is_text_of_bounded_size(control, text):
    refused = control.call("PUT", f"/v1/domains/{DOMAIN}", {"robots": text})

    assert (refused.status, refused.body["field"]) == (422, "robots")
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", {"robots": "é" * 2048}).status == 201


FULL = {
    "display_name": "Acme",
    "home": "https://acme.example/",
    "expired": "https://acme.example/over",
    "app_links": {"apple-app-site-association": {"applinks": {}}},
}


async def test_a_patch_changes_what_it_names_and_nothing_else(control, redis):
    control.call("PUT", f"/v1/domains/{DOMAIN}", FULL)

    patched = control.call("PATCH", "/v1/domains/GO.acme.example.", {"display_name": "Acme & Sons", "expired": None})

    assert patched.status == 200
    assert patched.body["display_name"] == "Acme & Sons"
    assert patched.body["expired"] is None
    assert (patched.body["home"], patched.body["app_links"]) == (FULL["home"], FULL["app_links"])
    assert control.call("GET", f"/v1/domains/{DOMAIN}").body == patched.body
    assert decode_domain(await redis.get(domain_key(DOMAIN))).display_name == "Acme & Sons"


async def test_a_domain_of_another_account_cannot_be_patched_or_deleted(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", FULL, ACME)

    for key in (MAIN, SEATTLE):
        assert control.call("PATCH", f"/v1/domains/{DOMAIN}", {"status": 301}, key).status == 404
        assert control.call("DELETE", f"/v1/domains/{DOMAIN}", key=key).status == 404
    assert control.call("GET", f"/v1/domains/{DOMAIN}", key=ACME).body["status"] == 302


async def test_a_url_that_a_later_rule_refuses_keeps_nothing_else_from_being_patched(control, clickhouse):
    stored = Domain(DOMAIN, "main", home="http://acme.example/", version=1)
    await clickhouse.insert_rows("domains", [stored])

    assert control.call("PATCH", f"/v1/domains/{DOMAIN}", {"status": 301}).status == 200
    refused = control.call("PATCH", f"/v1/domains/{DOMAIN}", {"expired": "http://acme.example/"})
    assert (refused.status, refused.body["field"]) == (422, "expired")


async def test_a_deleted_domain_is_anybodys(control, redis):
    control.call("PUT", f"/v1/domains/{DOMAIN}", FULL, ACME)

    assert control.call("DELETE", f"/v1/domains/{DOMAIN}", key=ACME).status == 204

    assert control.call("GET", f"/v1/domains/{DOMAIN}", key=ACME).status == 404
    assert decode_domain(await redis.get(domain_key(DOMAIN))).deleted
    assert control.call("DELETE", f"/v1/domains/{DOMAIN}", key=ACME).status == 404
    other = control.call("PUT", f"/v1/domains/{DOMAIN}", {})
    assert (other.status, other.body["account"], other.body["home"]) == (201, "main", None)
    assert not decode_domain(await redis.get(domain_key(DOMAIN))).deleted


async def test_a_domain_with_links_cannot_be_deleted(control):
    control.broadcast()
    assert len(control.mint(contacts(3)).body) == 3

    refused = control.call("DELETE", f"/v1/domains/{DOMAIN}")

    assert (refused.status, refused.body["links"]) == (409, 3)
    assert control.call("GET", f"/v1/domains/{DOMAIN}").status == 200


async def test_links_that_were_claimed_and_not_yet_minted_keep_their_domain(control, clickhouse):
    broadcast = control.broadcast()
    claim = {"account": "main", "broadcast_no": 1, "idempotency_key": "k", "links": 7, "short_domain": DOMAIN}
    await clickhouse.insert_rows("taptrail_internal.mints", [claim])

    refused = control.call("DELETE", f"/v1/domains/{DOMAIN}")

    assert (refused.status, refused.body["links"]) == (409, 7), broadcast


async def test_no_link_is_minted_on_a_domain_that_was_deleted_or_is_anothers_now(control):
    control.broadcast()
    control.call("DELETE", f"/v1/domains/{DOMAIN}")

    gone = control.mint(contacts(1))
    control.call("PUT", f"/v1/domains/{DOMAIN}", {}, ACME)
    anothers = control.mint(contacts(1))
    shared = control.call("POST", "/v1/links", {"broadcast_id": "spring", "slug": "SALE"})

    for refused in (gone, anothers, shared):
        assert (refused.status, refused.body["field"]) == (409, "short_domain")
        assert "acme" not in refused.body["detail"].replace(DOMAIN, "")


PAGE = {"color": "#0a5", "logo": "https://cdn.acme.example/logo.svg", "language": "de"}


async def test_the_look_of_pages_is_kept_as_it_is_said_and_taken_away_by_null(control, redis):
    put = control.call("PUT", f"/v1/domains/{DOMAIN}", {"page": PAGE})

    assert put.body["page"] == PAGE
    assert decode_domain(await redis.get(domain_key(DOMAIN))).page == PAGE
    assert control.call("PATCH", f"/v1/domains/{DOMAIN}", {"page": {"color": "#00aa55"}}).body["page"] == {
        "color": "#00aa55"
    }
    assert control.call("PATCH", f"/v1/domains/{DOMAIN}", {"display_name": "A"}).body["page"] == {"color": "#00aa55"}
    assert control.call("PATCH", f"/v1/domains/{DOMAIN}", {"page": None}).body["page"] is None
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", {"page": {}}).body["page"] is None


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ({"color": "red"}, "page.color"),
        ({"color": "#0a5;}"}, "page.color"),
        ({"color": "#0a5\n"}, "page.color"),
        ({"color": "#0a55"}, "page.color"),
        ({"logo": "http://cdn.acme.example/logo.svg"}, "page.logo"),
        ({"logo": "https://localhost/logo.svg"}, "page.logo"),
        ({"logo": "https://[2001:4860::1]/logo.svg"}, "page.logo"),
        ({"logo": "https://cdn.acme.example/{code}"}, "page.logo"),
        ({"logo": "javascript:alert(1)"}, "page.logo"),
        ({"logo": "https://cdn.acme.example/a\r\nb"}, "page.logo"),
        ({"language": "xx"}, "page.language"),
        ({"colour": "#0a5"}, "page.colour"),
        ("#0a5", "page"),
    ],
)
async def test_a_wrong_part_of_a_look_is_named(control, page, field):
    answer = control.call("PUT", f"/v1/domains/{DOMAIN}", {"page": page})

    assert (answer.status, answer.body["field"]) == (422, field)
