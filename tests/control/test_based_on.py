"""A change that was made for an earlier state changes nothing: two tabs, two people, one broadcast."""

import pytest

from tests.support.control import DOMAIN, SHOP

BROADCAST = "/v1/broadcasts/spring"


def put(control, **headers):
    return control.call("PUT", BROADCAST, {"short_domain": DOMAIN, "destinations": [SHOP]}, **headers)


@pytest.fixture
def tag(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {})
    return put(control).headers["ETag"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", BROADCAST, {"stopped": True}),
        ("PUT", BROADCAST, {"short_domain": DOMAIN, "destinations": [SHOP], "stopped": True}),
        ("PATCH", f"{BROADCAST}/destinations/0", {"to": "https://shop.acme.example/new"}),
        ("POST", f"{BROADCAST}/rollback", {"version": 1}),
    ],
)
async def test_the_second_of_two_changes_of_one_state_is_refused(control, tag, method, path, body):
    first = control.call("PATCH", BROADCAST, {"keyword": "SALE"}, If_Match=tag)
    second = control.call(method, path, body, If_Match=tag)

    assert (first.status, second.status) == (200, 412)
    assert "broadcast spring was changed at" in second.body["detail"]
    now = control.call("GET", BROADCAST)
    assert (now.body["keyword"], now.body["stopped"], now.body["destinations"]) == ("SALE", False, [SHOP])
    assert control.call(method, path, body, If_Match=now.headers["ETag"]).status == 200


async def test_a_domain_is_guarded_alike(control, tag):
    path = f"/v1/domains/{DOMAIN}"
    known = control.call("GET", path).headers["ETag"]

    statuses = [control.call("PATCH", path, {"display_name": name}, If_Match=known).status for name in ("A", "B")]

    assert statuses == [200, 412]
    assert control.call("PUT", path, {}, If_Match=known).status == 412
    assert control.call("GET", path).body["display_name"] == "A"


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"destination": "https://acme.example/b"}), ("DELETE", None)])
async def test_a_shared_link_is_guarded_alike(control, tag, method, body):
    control.call("POST", "/v1/links", {"short_domain": DOMAIN, "destination": "https://acme.example/", "slug": "SALE"})
    path = f"/v1/links/{DOMAIN}/SALE"
    known = control.call("GET", path).headers["ETag"]

    first = control.call("PATCH", path, {"destination": "https://acme.example/a"}, If_Match=known)
    second = control.call(method, path, body, If_Match=known)

    assert (first.status, second.status) == (200, 412)
    assert second.body["detail"].startswith("the link was changed at")
    now = control.call("GET", path)
    assert (now.body["goes_to"], now.headers["ETag"]) == ("https://acme.example/a", first.headers["ETag"])
    assert control.call(method, path, body, If_Match=now.headers["ETag"]).status in (200, 204)


async def test_a_new_broadcast_does_not_replace_one_of_its_name(control, tag):
    taken, new = (
        put(control, If_None_Match="*"),
        control.call(
            "PUT", "/v1/broadcasts/summer", {"short_domain": DOMAIN, "destinations": [SHOP]}, If_None_Match="*"
        ),
    )

    assert (taken.status, new.status) == (412, 201)
    assert taken.body["detail"] == "broadcast spring is there already; choose another name, or change that one"
    assert control.call("GET", BROADCAST).headers["ETag"] == tag


@pytest.mark.parametrize(("header", "value"), [("If_Match", "17"), ("If_Match", '"x"'), ("If_None_Match", '"17"')])
async def test_a_condition_that_is_none_is_refused_by_name(control, tag, header, value):
    answer = control.call("PATCH", BROADCAST, {"keyword": "SALE"}, **{header: value})

    assert (answer.status, answer.body["field"]) == (422, header.replace("_", "-"))
