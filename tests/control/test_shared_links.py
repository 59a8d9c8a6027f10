import asyncio
import json

import pytest

from records.keys import slug_key
from tests.support.barcodes import read_back
from tests.support.clickhouse import head_of
from tests.support.control import ACME, DOMAIN, SHOP, contacts
from tests.support.eventually import eventually

POSTER = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/poster"}


async def test_a_shared_link_has_a_slug_and_a_broadcast_of_its_own(control, redis, clickhouse):
    control.broadcast()

    made = control.call("POST", "/v1/links", POSTER | {"slug": "SALE", "source": "poster", "keyword": "SALE"})

    assert made.status == 201
    assert made.body == {
        "link_id": 0, "code": "SALE", "short_url": f"https://{DOMAIN}/SALE", "broadcast_id": "shared:0",
    }  # fmt: skip
    assert await redis.get(slug_key(DOMAIN, "SALE")) == b"0"
    found = control.call("GET", f"/v1/links/{DOMAIN}/SALE").body
    assert (found["source"], found["keyword"], found["state"], found["goes_to"]) == (
        "poster", "SALE", "live", "https://shop.acme.example/poster",
    )  # fmt: skip


async def test_where_a_shared_link_leads_can_be_fixed_afterwards(control):
    control.broadcast()
    control.call("POST", "/v1/links", POSTER | {"slug": "SALE"})

    assert control.call("PATCH", "/v1/broadcasts/shared:0", {"destinations": [SHOP]}).status == 200

    assert control.call("GET", f"/v1/links/{DOMAIN}/SALE").body["goes_to"] == SHOP.format(contact_id="")


async def test_a_shared_link_without_a_slug_gets_a_code(control):
    control.broadcast()

    made = control.call("POST", "/v1/links", POSTER).body

    assert len(made["code"]) == 9
    assert control.call("GET", f"/v1/links/{DOMAIN}/{made['code']}").body["link_id"] == made["link_id"]


async def test_a_shared_link_may_belong_to_a_broadcast(control):
    control.broadcast(destinations=(SHOP, SHOP + "&2"), keyword="SPRING")

    made = control.call("POST", "/v1/links", {"broadcast_id": "spring", "destination_index": 1, "slug": "s"})

    assert (made.status, made.body["broadcast_id"]) == (201, "spring")
    found = control.call("GET", f"/v1/links/{DOMAIN}/s").body
    assert (found["goes_to"], found["keyword"], found["contact_id"]) == (
        SHOP.format(contact_id="") + "&2",
        "SPRING",
        "",
    )


async def test_a_slug_is_free_once_per_domain(control):
    control.broadcast()
    control.call("PUT", "/v1/domains/go.second.example", {})
    control.call("POST", "/v1/links", POSTER | {"slug": "SALE"})

    taken = control.call("POST", "/v1/links", POSTER | {"slug": "SALE"})

    assert (taken.status, taken.body["field"]) == (409, "slug")
    elsewhere = POSTER | {"slug": "SALE", "short_domain": "go.second.example"}
    assert control.call("POST", "/v1/links", elsewhere).status == 201


async def test_slugs_that_differ_in_case_alone_are_refused(control):
    control.broadcast()
    control.call("POST", "/v1/links", POSTER | {"slug": "Sale"}, **{"Idempotency-Key": "a"})

    other = control.call("POST", "/v1/links", POSTER | {"slug": "SALE"})
    again = control.call("POST", "/v1/links", POSTER | {"slug": "Sale"}, **{"Idempotency-Key": "a"})

    assert (other.status, other.body["field"]) == (409, "slug")
    assert "Sale in case alone" in other.body["detail"]
    assert again.status in (200, 201)
    assert control.call("GET", "/v1/links/go.acme.example/sALE").body["code"] == "Sale"


async def test_the_same_key_gives_the_same_shared_link_again(control, clickhouse):
    control.broadcast()
    first = control.call("POST", "/v1/links", POSTER | {"slug": "SALE"}, Idempotency_Key="k")

    again = control.call("POST", "/v1/links", POSTER | {"slug": "SALE"}, Idempotency_Key="k")

    assert again.body == first.body
    assert await clickhouse.value("SELECT count() FROM links") == 1
    assert control.call("POST", "/v1/links", POSTER, Idempotency_Key="k").status == 409


@pytest.mark.parametrize("slug", ["", "a b", "a/b", "ä", "a" * 65, "abcDEF123", "robots.txt", ".well-known", "a\x00"])
async def test_a_slug_that_is_not_one_is_refused(control, slug):
    control.broadcast()

    answer = control.call("POST", "/v1/links", POSTER | {"slug": slug})

    assert (answer.status, answer.body["field"]) == (422, "slug")


@pytest.mark.parametrize("slug", ["abcDEF12", "abcDEF1234", "abc-EF123", "_"])
async def test_a_slug_looks_unlike_a_code(control, slug):
    control.broadcast()

    assert control.call("POST", "/v1/links", POSTER | {"slug": slug}).status == 201


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"short_domain": DOMAIN}, 422, "destination"),
        (POSTER | {"broadcast_id": "spring"}, 422, "destination"),
        ({"destination": "https://shop.acme.example/"}, 422, "short_domain"),
        (POSTER | {"destination_index": 0}, 422, "destination_index"),
        (POSTER | {"destination": SHOP}, 422, "destination"),
        (POSTER | {"short_domain": "go.other.example"}, 422, "short_domain"),
        (POSTER | {"destination": f"https://{DOMAIN}/x"}, 422, "destination"),
        ({"broadcast_id": "spring", "destination_index": 1}, 422, "destination_index"),
        ({"broadcast_id": "spring", "source": "poster"}, 422, "source"),
        ({"broadcast_id": "none"}, 404, None),
    ],
)
async def test_a_shared_link_that_cannot_be_names_its_fault(control, clickhouse, body, status, field):
    control.broadcast()

    answer = control.call("POST", "/v1/links", body)

    assert (answer.status, answer.body.get("field")) == (status, field)
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


async def test_a_look_up_says_what_a_link_is_and_where_it_goes_now(control):
    control.broadcast(fallback="https://acme.example/over")
    code = control.mint([{"contact_id": "c-1", "audience": "vip"}]).body[0]["code"]

    def look_up():
        return control.call("GET", f"/v1/links/{DOMAIN}/{code}").body

    assert (look_up()["contact_id"], look_up()["audience"], look_up()["state"]) == ("c-1", "vip", "live")
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})
    assert (look_up()["state"], look_up()["goes_to"]) == ("stopped", "https://acme.example/over")
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": False, "expires_at": "2020-01-01T00:00:00Z"})
    assert look_up()["state"] == "expired"


async def test_a_look_up_fills_in_what_is_known_of_a_link(control):
    to = "https://shop.acme.example/?c={contact_id}&l={code}&b={broadcast_id}&k={click_id}"
    control.broadcast(destinations=(to,))
    code = control.mint([{"contact_id": "c 1/ä"}]).body[0]["code"]

    found = control.call("GET", f"/v1/links/{DOMAIN}/{code}").body

    assert found["goes_to"] == f"https://shop.acme.example/?c=c%201%2F%C3%A4&l={code}&b=spring&k={{click_id}}"
    assert found["destination"] == to


async def test_a_look_up_says_when_a_filled_in_destination_is_too_long(control):
    ids = "{click_id}" * 196  # of each click 7,056 bytes
    control.broadcast(
        destinations=("https://shop.acme.example/?" + ids + "{contact_id}" * 4,), fallback="https://acme.example/over"
    )
    most, beyond = control.mint([{"contact_id": "c" * count} for count in (229, 230)]).body

    def look_up(link):
        found = control.call("GET", f"/v1/links/{DOMAIN}/{link['code']}").body
        return found["state"], found["goes_to"]

    assert look_up(most) == ("live", f"https://shop.acme.example/?{ids}{'c' * 916}")  # 7,999 bytes
    assert look_up(beyond) == ("too_long", "https://acme.example/over")


async def test_contacts_get_no_links_in_a_shared_links_own_broadcast(control, clickhouse):
    control.broadcast()
    control.call("POST", "/v1/links", POSTER)

    answer = control.mint(contacts(1), "shared:0")

    assert (answer.status, answer.body["field"]) == (422, "broadcast_id")
    assert await clickhouse.value("SELECT count() FROM links") == 1


async def test_links_of_others_and_unknown_ones_are_not_found(control):
    control.broadcast()
    code = control.mint(contacts(1)).body[0]["code"]
    control.call("PUT", "/v1/domains/go.second.example", {})

    for path, key in [
        (f"{DOMAIN}/{code}", ACME), (f"go.second.example/{code}", None), (f"{DOMAIN}/000000000", None),
        (f"{DOMAIN}/SALE", None), (f"nowhere.example/{code}", None), (f"{DOMAIN}/%00", None),
    ]:  # fmt: skip
        answer = control.call("GET", f"/v1/links/{path}", key=key) if key else control.call("GET", f"/v1/links/{path}")
        assert answer.status == 404, path


async def test_a_link_whose_destination_is_gone_is_not_found_as_at_the_edge(control, clickhouse):
    control.broadcast(destinations=(SHOP, SHOP + "&2"))
    code = control.mint([{"contact_id": "c-1", "destination_index": 1}]).body[0]["code"]
    one_left = "SELECT * REPLACE ([destinations[1]] AS destinations, version + 1 AS version) FROM broadcasts FINAL"
    await clickhouse.execute(f"INSERT INTO broadcasts {one_left}")

    answer = control.call("GET", f"/v1/links/{DOMAIN}/{code}")

    assert answer.status == 404
    assert "leads to destination 1 of broadcast spring, which has 1, numbered from 0" in answer.body["detail"]


@pytest.mark.parametrize("mintings_key", ["k", "link:k", "mint:k"])
async def test_a_shared_link_and_a_minting_may_have_the_same_idempotency_key(control, mintings_key):
    control.broadcast()
    minted = control.mint(contacts(1), Idempotency_Key=mintings_key)
    tied = {"broadcast_id": "spring"}

    shared = control.call("POST", "/v1/links", tied, Idempotency_Key="k")

    assert (minted.status, shared.status) == (200, 201), shared.body
    assert shared.body["link_id"] != minted.body[0]["link_id"]
    assert control.mint(contacts(1), Idempotency_Key=mintings_key).body == minted.body
    assert control.call("POST", "/v1/links", tied, Idempotency_Key="k").body == shared.body


async def test_accounts_do_not_share_idempotency_keys(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {}, ACME)

    made = [
        control.call("POST", f"/v1/links?account={account}", POSTER, ACME, Idempotency_Key="k")
        for account in ("acme", "acme/seattle", "acme/portland")
    ]

    assert [answer.status for answer in made] == [201] * 3
    assert len({answer.body["link_id"] for answer in made}) == 3


async def test_links_that_are_asked_for_at_once_differ_and_are_all_there(control, clickhouse):
    control.broadcast()
    own = [POSTER | {"destination": f"https://shop.acme.example/{number}"} for number in range(30)]
    of_broadcast = [{"broadcast_id": "spring"}] * 20

    answers = await asyncio.gather(
        *(asyncio.to_thread(control.call, "POST", "/v1/links", body) for body in (*own, *of_broadcast))
    )

    assert {answer.status for answer in answers} == {201}
    link_ids = sorted(answer.body["link_id"] for answer in answers)
    assert link_ids == list(range(50))
    assert await clickhouse.value("SELECT [count(), uniqExact(link_id)] FROM links") == [50, 50]
    for answer, body in zip(answers, own, strict=False):
        found = control.call("GET", f"/v1/links/{DOMAIN}/{answer.body['code']}").body
        assert found["goes_to"] == body["destination"], "a link has the destination of another request"


async def test_a_slug_that_many_ask_for_at_once_is_given_once(control, clickhouse):
    control.broadcast()

    answers = await asyncio.gather(
        *(asyncio.to_thread(control.call, "POST", "/v1/links", POSTER | {"slug": "SALE"}) for _ in range(12))
    )

    assert sorted(answer.status for answer in answers) == [201, *[409] * 11]
    assert await clickhouse.value("SELECT count() FROM links WHERE slug = 'SALE'") == 1


async def test_requests_with_one_key_at_once_make_one_link(control, clickhouse):
    control.broadcast()

    answers = await asyncio.gather(
        *(asyncio.to_thread(control.call, "POST", "/v1/links", POSTER, Idempotency_Key="k") for _ in range(8))
    )

    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body["link_id"] for answer in answers if answer.status == 201}) == 1
    assert await clickhouse.value("SELECT count() FROM links") == 1


async def test_a_shared_link_is_changed_and_deleted_and_its_slug_stays_taken(control):
    control.broadcast()
    body = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/", "slug": "SALE"}
    control.call("POST", "/v1/links", body)
    path = f"/v1/links/{DOMAIN}/SALE"

    changed = control.call("PATCH", path, {"destination": "https://shop.acme.example/new", "keyword": "NEW"})
    deleted = control.call("DELETE", path)
    again = control.call("POST", "/v1/links", body)

    assert (changed.status, changed.body["goes_to"]) == (200, "https://shop.acme.example/new")
    assert changed.body["keyword"] == "NEW"
    assert (deleted.status, control.call("GET", path).body["state"]) == (204, "stopped")
    assert again.status == 409


async def test_only_a_link_with_a_destination_of_its_own_is_changed_alone(control):
    control.broadcast()
    personal = control.mint([{"contact_id": "c-1"}]).body[0]["code"]
    control.call("POST", "/v1/links", {"broadcast_id": "spring", "slug": "POSTER"})

    for code in (personal, "POSTER"):
        for method, body in (("PATCH", {"keyword": "x"}), ("DELETE", None)):
            answer = control.call(method, f"/v1/links/{DOMAIN}/{code}", body)

            assert (answer.status, answer.body["field"]) == (409, "code")
            assert "spring" in answer.body["detail"]


async def test_a_repeated_request_does_not_end_the_insert_of_others(control, clickhouse, clickhouse_port):
    """Its link may be among theirs, in an INSERT whose answer the process did not live to see."""
    control.broadcast()
    first = control.call("POST", "/v1/links", POSTER, Idempotency_Key="k")
    link_id = first.body["link_id"]
    row = json.dumps({"link_id": link_id + 1, "slug": "OTHERS", "short_domain": DOMAIN}).encode() + b"\n"
    insert = f"INSERT INTO links FORMAT JSONEachRow&query_id=singles,{link_id},{link_id + 1},attempt+0"
    answer, others = await asyncio.open_connection("127.0.0.1", clickhouse_port)
    others.write(head_of(clickhouse_port, insert, f"Content-Length: {len(row)}") + row[:-1])
    await eventually(lambda: clickhouse.rows("KILL QUERY WHERE startsWith(query_id, 'singles,') TEST", dict), bool)

    again = asyncio.create_task(asyncio.to_thread(control.call, "POST", "/v1/links", POSTER, Idempotency_Key="k"))
    await asyncio.sleep(0.5)
    assert not again.done()
    others.write(row[-1:])

    assert b" 200 " in await answer.readline()
    assert (await again).body == first.body
    assert await clickhouse.value("SELECT [count(), uniqExact(link_id)] FROM links") == [2, 2]
    others.close()


async def test_a_qr_code_of_a_link_is_drawn_in_the_size_asked_for(control):
    control.broadcast()
    control.call("POST", "/v1/links", POSTER | {"slug": "SALE"})
    path = f"/v1/links/{DOMAIN}/sale/qr"

    svg = control.call("GET", f"{path}.svg?size=300")
    png = control.call("GET", f"{path}.png?size=300&border=2")

    assert (svg.status, b'width="300" height="300"' in svg.body) == (200, True)
    assert (png.status, read_back(png.body)) == (200, [f"https://{DOMAIN}/SALE?via=qr"])


@pytest.mark.parametrize(
    ("query", "field"),
    [("size=63", "size"), ("size=4097", "size"), ("size=1e3", "size"), ("border=17", "border"), ("border=-1", "border"),
     ("colour=red", "colour"), ("size=64&border=16", "size")],
)  # fmt: skip
async def test_a_qr_code_that_cannot_be_drawn_is_refused(control, query, field):
    control.broadcast()
    control.call("POST", "/v1/links", POSTER | {"slug": "S" * 60})

    answer = control.call("GET", f"/v1/links/{DOMAIN}/{'S' * 60}/qr.png?{query}")

    assert (answer.status, answer.body["field"]) == (422, field)
