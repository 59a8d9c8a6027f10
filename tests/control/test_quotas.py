"""An account and those below it have so many domains and broadcasts, and no more."""

import pytest

from control.catalogue.domains import MAX_APP_LINK_BYTES, MAX_APP_LINKS_BYTES
from tests.support.control import ACME, DOMAIN, SEATTLE, SHOP

DETAIL = "account acme and those below it have {} {}, of {} that they may"


@pytest.fixture
def limited(redis, clickhouse, controls, valkey_url):
    """A control process where a top-level account has two domains and two broadcasts."""
    return controls(valkey_url, TAPTRAIL_MAX_DOMAINS="2", TAPTRAIL_MAX_BROADCASTS="2")


def domain(control, name, key=ACME, body=None):
    return control.call("PUT", f"/v1/domains/{name}", body or {}, key)


def broadcast(control, broadcast_id, key=ACME):
    body = {"short_domain": DOMAIN, "destinations": [SHOP]}
    return control.call("PUT", f"/v1/broadcasts/{broadcast_id}", body, key)


def test_a_tree_of_accounts_has_so_many_domains_and_others_do_not_count(limited):
    assert [domain(limited, f"{name}.acme.example").status for name in ("a", "b")] == [201, 201]

    refused = domain(limited, "c.acme.example", SEATTLE)

    assert (refused.status, refused.body["type"], refused.body["field"]) == (409, "/docs#conflict", "account")
    assert refused.body["detail"].startswith(DETAIL.format(2, "domains", 2))
    assert "TAPTRAIL_MAX_DOMAINS" in refused.body["detail"]
    assert domain(limited, "a.acme.example", body={"display_name": "A"}).status == 200
    assert limited.call("PUT", "/v1/domains/go.main.example", {}).status == 201
    assert limited.call("DELETE", "/v1/domains/b.acme.example", key=ACME).status == 204
    assert domain(limited, "c.acme.example", SEATTLE).status == 201


def test_a_tree_of_accounts_has_so_many_broadcasts_beside_those_of_shared_links(limited):
    domain(limited, DOMAIN)
    for slug in ("one", "two", "three"):
        body = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/", "slug": slug}
        assert limited.call("POST", "/v1/links", body, ACME).status == 201
    assert [broadcast(limited, name).status for name in ("spring", "summer")] == [201, 201]

    refused = broadcast(limited, "autumn", SEATTLE)

    assert (refused.status, refused.body["field"]) == (409, "account")
    assert refused.body["detail"].startswith(DETAIL.format(2, "broadcasts", 2))
    assert "TAPTRAIL_MAX_BROADCASTS" in refused.body["detail"]
    assert broadcast(limited, "spring").status == 200
    assert limited.call("DELETE", "/v1/broadcasts/summer", key=ACME).status == 204
    assert broadcast(limited, "autumn", SEATTLE).status == 201


def test_the_app_links_of_a_domain_have_a_bound_for_a_file_and_for_all(limited):
    text = "x" * (MAX_APP_LINK_BYTES - 100)
    files = {f"{number}.json": {"a": text} for number in range(3)}

    refused = domain(limited, DOMAIN, body={"app_links": files})

    assert (refused.status, refused.body["field"]) == (422, "app_links")
    assert f"at most {MAX_APP_LINKS_BYTES} are allowed" in refused.body["detail"]
    del files["0.json"]
    assert domain(limited, DOMAIN, body={"app_links": files}).status == 201


def test_the_size_of_a_file_is_that_of_its_bytes(limited):
    wide = domain(limited, DOMAIN, body={"app_links": {"a.json": {"a": "\U0001f600" * 40_000}}})

    assert (wide.status, wide.body["field"]) == (422, "app_links.a.json")
