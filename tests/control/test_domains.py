import pytest

from records.domain import decode_domain
from records.keys import domain_key
from tests.control.process import ACME, DOMAIN, SEATTLE


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
