"""Lists: complete over their pages, stable while things are added, narrowed by their parameters."""

import time

import pytest

from control.http.lists import cursor_to
from tests.support.click_rows import SENT, click
from tests.support.control import ACME, DOMAIN, MAIN, SEATTLE, SHOP, contacts


def walk(control, path, key=MAIN, limit=2, between=lambda: None):
    """All items of a list, page by page."""
    items, cursor = [], ""
    joint = "&" if "?" in path else "?"
    while True:
        answer = control.call("GET", f"{path}{joint}limit={limit}{cursor}", key=key)
        assert answer.status == 200, answer.body
        assert len(answer.body["items"]) <= limit
        items += answer.body["items"]
        if answer.body["next_cursor"] is None:
            return items
        cursor = f"&cursor={answer.body['next_cursor']}"
        between()


def ids(items, name="broadcast_id"):
    return [item[name] for item in items]


async def test_domains_are_listed_by_name_over_all_pages(control):
    for name in ("c", "a", "e", "b", "d"):
        control.call("PUT", f"/v1/domains/{name}.acme.example", {})

    found = walk(control, "/v1/domains")

    assert ids(found, "short_domain") == [f"{name}.acme.example" for name in "abcde"]
    assert found[0] == control.call("GET", "/v1/domains/a.acme.example").body


async def test_broadcasts_are_listed_newest_first_and_none_is_seen_twice_while_others_are_added(control):
    numbers = iter(range(5, 20))
    for number in range(5):
        control.broadcast(f"b-{number}")

    found = walk(control, "/v1/broadcasts", between=lambda: control.broadcast(f"b-{next(numbers)}"))

    assert ids(found) == ["b-4", "b-3", "b-2", "b-1", "b-0"]
    assert found[0] == control.call("GET", "/v1/broadcasts/b-4").body


async def test_broadcasts_are_found_by_a_word_a_state_and_the_time_of_the_send(control):
    control.broadcast("spring", keyword="SALE", sent_at="2026-03-01T09:00:00Z")
    control.broadcast("summer", sent_at="2026-06-01T09:00:00Z", stopped=True)
    control.broadcast("autumn", sent_at="2026-09-01T09:00:00Z", expires_at="2026-09-02T09:00:00Z")
    control.broadcast("winter", sent_at="2026-12-01T09:00:00Z")
    control.call("PATCH", "/v1/broadcasts/winter", {"archived": True})

    def found(query):
        return sorted(ids(walk(control, f"/v1/broadcasts?{query}")))

    assert found("q=sale") == ["spring"]
    assert found("q=UM") == ["autumn", "summer"]
    assert found("") == ["autumn", "spring", "summer"]
    assert found("state=live") == ["spring"]
    assert found("state=over") == ["autumn", "summer"]
    assert found("state=archived") == ["winter"]
    assert found("since=2026-06-01T09:00:00Z") == ["autumn", "summer"]
    assert found("since=2026-06-01T11:00:01%2B02:00") == ["autumn"]


async def test_links_of_shared_ones_own_broadcasts_are_no_broadcasts_of_a_list(control):
    control.broadcast("spring")
    control.call(
        "POST", "/v1/links", {"short_domain": DOMAIN, "destination": "https://shop.acme.example/", "slug": "SALE"}
    )

    assert ids(walk(control, "/v1/broadcasts")) == ["spring"]
    assert ids(walk(control, "/v1/links"), "code") == ["SALE"]
    assert ids(walk(control, f"/v1/links?domain={DOMAIN}"), "code") == ["SALE"]
    assert walk(control, "/v1/links?domain=go.other.example") == []


async def test_links_are_listed_as_they_were_minted_and_narrowed(control, clickhouse):
    control.broadcast()
    minted = control.mint([*contacts(5, audience="vip"), {"contact_id": "last", "audience": "new"}]).body
    tapped = minted[3]
    await click(clickhouse, "c-3", link_id=tapped["link_id"])

    def found(query):
        return ids(walk(control, f"/v1/broadcasts/spring/links?{query}"), "contact_id")

    assert found("") == ["c-0", "c-1", "c-2", "c-3", "c-4", "last"]
    assert found("audience=new") == ["last"]
    assert found("contact_id=c-2") == ["c-2"]
    assert found("tapped=true") == ["c-3"]
    assert found("tapped=false") == ["c-0", "c-1", "c-2", "c-4", "last"]
    (link,) = walk(control, "/v1/broadcasts/spring/links?contact_id=c-2")
    assert link == control.call("GET", f"/v1/links/{DOMAIN}/{link['code']}").body


async def test_clicks_are_listed_newest_first_and_narrowed(control, clickhouse):
    control.broadcast()
    for number in range(7):
        await click(clickhouse, "c-1", "human" if number % 3 else "bot", after_s=number // 2)

    found = walk(control, "/v1/broadcasts/spring/clicks")

    assert len(ids(found, "click_id")) == len(set(ids(found, "click_id"))) == 7
    assert ids(found, "clicked_at") == sorted(ids(found, "clicked_at"), reverse=True)
    assert {item["visit_class"] for item in walk(control, "/v1/broadcasts/spring/clicks?class=human")} == {"human"}
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(SENT + 2))
    assert len(walk(control, f"/v1/broadcasts/spring/clicks?since={since}")) == 3


async def test_a_contact_is_shown_across_broadcasts(control, clickhouse):
    control.broadcast("spring")
    control.broadcast("summer")
    control.mint(contacts(2), "spring")
    control.mint([{"contact_id": "c-1"}, {"contact_id": "a/b?"}], "summer")
    await click(clickhouse, "c-1")

    shown = control.call("GET", "/v1/contacts/c-1").body

    assert (shown["contact_id"], ids(shown["links"])) == ("c-1", ["summer", "spring"])
    assert ids(shown["clicks"]) == ["spring"]
    assert ids(control.call("GET", "/v1/contacts/a%2Fb%3F").body["links"]) == ["summer"]


async def test_an_account_lists_its_own_and_what_lies_below(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {}, ACME)
    body = {"short_domain": DOMAIN, "destinations": [SHOP]}
    control.call("PUT", "/v1/broadcasts/above", body, ACME)
    control.call("PUT", "/v1/broadcasts/below", body, SEATTLE)

    assert ids(walk(control, "/v1/broadcasts", ACME)) == ["below", "above"]
    assert ids(walk(control, "/v1/broadcasts", SEATTLE)) == ["below"]
    assert walk(control, "/v1/broadcasts") == []


async def test_a_broadcast_without_links_can_be_deleted_and_made_again(control, clickhouse):
    control.broadcast("typo")

    assert control.call("DELETE", "/v1/broadcasts/typo").status == 204
    assert control.call("GET", "/v1/broadcasts/typo").status == 404
    assert control.mint(contacts(1), "typo").status == 404
    assert walk(control, "/v1/broadcasts") == []
    control.broadcast("typo")
    control.mint(contacts(3), "typo")
    refused = control.call("DELETE", "/v1/broadcasts/typo")
    assert (refused.status, refused.body["links"]) == (409, 3)
    assert "archive it" in refused.body["detail"]


SPRING = "/v1/broadcasts/spring"


def forged(*place):
    return cursor_to(place)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/domains?limit=0", "limit"),
        ("/v1/domains?limit=1001", "limit"),
        ("/v1/domains?cursor=nope", "cursor"),
        ("/v1/broadcasts?cursor=WyJhIl0", "cursor"),
        *((f"{path}?cursor={forged(-1)}", "cursor") for path in ("/v1/broadcasts", "/v1/links", f"{SPRING}/links")),
        (f"/v1/links?cursor={forged(2**63)}", "cursor"),
        (f"{SPRING}/clicks?cursor={forged(1, 'x')}", "cursor"),
        ("/v1/broadcasts?state=gone", "state"),
        ("/v1/broadcasts?since=yesterday", "since"),
        ("/v1/broadcasts?since=2026-01-01T00:00:00", "since"),
        ("/v1/broadcasts?since=9999-12-31T23:59:59Z", "since"),
        ("/v1/broadcasts?since=0001-01-01T00:00:00%2B23:59", "since"),
        ("/v1/broadcasts/spring/clicks?since=1969-12-31T00:00:00Z", "since"),
        ("/v1/broadcasts?account=" + "a" * 201, "account"),
        ("/v1/links?domain=a b", "domain"),
        ("/v1/broadcasts/spring/links?tapped=maybe", "tapped"),
        ("/v1/broadcasts/spring/clicks?class=people", "class"),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(control, path, field):
    control.broadcast()

    answer = control.call("GET", path.replace(" ", "%20"))

    assert (answer.status, answer.body["field"]) == (422, field)
