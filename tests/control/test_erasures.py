"""Erasures as a client asks for them, and what Redis and the edges know afterwards."""

import pytest

from control.cache.forget import Forget
from control.verify.table_checks import minted, table_findings
from records.broadcast import Broadcast
from records.code import CodeCipher
from records.erasure import ERASED_LINKS, ERASURES, NAMES, STEPS
from records.keys import bucket_of, erased_key, field_of
from records.link import Link
from runtime.code_key import opens_links
from tests.support.control import ACME, CODE_KEY, MAIN, SEATTLE, contacts
from tests.support.erasure import places_with, settled
from tests.support.eventually import eventually
from tests.support.links import link_in_redis, put_as_before, put_link

WHO = "c-4711-somebody"
ORDER = "https://shop.acme.example/o/{order}"


def ask(control, key=MAIN, **body):
    return control.call("POST", "/v1/erasures", {"contact_id": WHO, **body}, key)


async def test_an_erasure_is_queued_and_its_state_is_read(control, clickhouse):
    answer = ask(control, account="main")

    assert answer.status == 202
    assert answer.body["state"] == "queued"
    erasure_id = answer.body["erasure_id"]
    assert control.call("GET", f"/v1/erasures/{erasure_id}").body == {"erasure_id": erasure_id, "state": "queued"}
    for step, state in (("begun", "running"), ("cleared", "running"), ("done", "done")):
        await clickhouse.insert_rows(STEPS, [{"erasure": int(erasure_id, 16), "step": step}])
        assert control.call("GET", f"/v1/erasures/{erasure_id}").body["state"] == state


async def test_the_audit_says_who_asked_for_it_and_names_the_contact_by_a_hash(control, clickhouse):
    ask(control, links="stop")

    (row,) = await clickhouse.rows(f"SELECT * FROM {ERASURES}", dict)
    assert (row["account"], row["links"], row["who_account"]) == ("main", "stop", "main")
    assert WHO not in str(row)
    assert await places_with(clickhouse, WHO) == [f"{NAMES}.contact_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contact_id": ""}, "contact_id"),
        ({"contact_id": "c" * 257}, "contact_id"),
        ({"contact_id": WHO, "links": "drop"}, "links"),
        ({"account": "main"}, "contact_id"),
        ({"contact_id": WHO, "account": "no such!"}, "account"),
        ({"contact_id": WHO, "contact": WHO}, "contact"),
    ],
)
def test_a_bad_request_is_refused_by_the_name_of_its_field(control, body, field):
    answer = control.call("POST", "/v1/erasures", body)

    assert answer.status == 422
    assert field in answer.body["detail"] or answer.body.get("field") == field


@pytest.mark.parametrize("erasure_id", ["0", "g" * 16, "0123456789abcdef", "%E2%82%AC"])
def test_an_erasure_that_there_is_not_is_not_found(control, erasure_id):
    assert control.call("GET", f"/v1/erasures/{erasure_id}").status == 404


def test_an_account_sees_its_own_erasures_and_those_below_it(control):
    erasure_id = ask(control, ACME, account="acme/seattle").body["erasure_id"]

    assert [control.call("GET", f"/v1/erasures/{erasure_id}", key=key).status for key in (ACME, SEATTLE, MAIN)] == [
        200, 200, 404,
    ]  # fmt: skip
    assert ask(control, SEATTLE, account="acme").status == 404


async def test_redis_forgets_the_links_and_edges_hear_of_it(clickhouse, redis):
    await clickhouse.insert_rows(NAMES, [{"erasure": 1, "account": "main", "contact_id": WHO, "secret": "x"}])
    erased = [{"link_id": link_id, "token": "t", "erasure": 1} for link_id in (300, 302)]
    await clickhouse.insert_rows(ERASED_LINKS, erased)
    for link_id in (300, 301):
        await put_link(redis, link_id, Link(1, 0, 0, WHO))
        await put_as_before(redis, link_id, Link(1, 0, 0, WHO))
    large = Link(1, 0, 0, WHO, fields={"order": "7" * 600})
    await put_link(redis, 302, large)
    forget = Forget(clickhouse, redis)
    await forget.look()
    assert await link_in_redis(redis, 300), "it is not in the table yet that it is erased"
    await clickhouse.insert_rows(STEPS, [{"erasure": 1, "step": "linked"}])

    await forget.look()

    assert await redis.hget(bucket_of(300), str(field_of(300))) is None
    assert [await link_in_redis(redis, link_id) for link_id in (300, 302)] == [None, None]
    assert await link_in_redis(redis, 301)
    assert await redis.hget(bucket_of(301), str(field_of(301)))
    assert 0 < await redis.ttl(erased_key(300)) <= 15
    steps = f"SELECT groupUniqArray(toString(step)) FROM {STEPS}"
    assert await clickhouse.value(steps) == ["linked"]
    await put_link(redis, 300, Link(1, 0, 0, WHO))  # an edge had read the table before
    await settled(clickhouse)
    await forget.look()
    assert await link_in_redis(redis, 300) is None
    # The control process of the session looks as well: where its rewriting is under way, it says so.
    await eventually(lambda: clickhouse.value(steps), lambda said: sorted(said) == ["forgotten", "linked"])


async def test_a_list_of_which_a_contact_was_erased_is_not_minted_again_under_its_key(control, clickhouse):
    control.broadcast()
    first = control.mint(contacts(3), Idempotency_Key="monday").body
    assert control.mint(contacts(3), Idempotency_Key="monday").body == first
    await clickhouse.insert_rows(ERASED_LINKS, [{"link_id": first[1]["link_id"], "token": "t", "erasure": 1}])

    answer = control.mint(contacts(3), Idempotency_Key="monday")

    assert (answer.status, answer.body["field"]) == (409, "Idempotency-Key")
    assert "erased" in answer.body["detail"]


async def test_links_that_ended_with_their_contacts_are_in_nobodys_way(control, clickhouse):
    control.broadcast(destinations=(ORDER,))
    lines = control.mint([{"contact_id": f"c-{number}", "fields": {"order": "17"}} for number in range(4)]).body
    ended = [line["link_id"] for line in lines[:1] + lines[2:]]
    await clickhouse.execute(
        f"ALTER TABLE links UPDATE contact_id = concat('erased-', lower(hex(sipHash128(link_id)))), code = '',"
        f" fields = map() WHERE link_id IN {tuple(ended)} SETTINGS mutations_sync = 1"
    )
    number = await clickhouse.value("SELECT any(broadcast_no) FROM links")
    there = Broadcast(number, "main", "spring", "go.acme.example", (ORDER,))

    assert await opens_links(clickhouse, CodeCipher(bytes.fromhex(CODE_KEY)))
    assert [each async for each in table_findings(clickhouse, there, await minted(clickhouse, there))] == []
    for destination in ("https://shop.acme.example/", ORDER):
        assert control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [destination]}).status == 200
    items = control.call("GET", "/v1/broadcasts/spring/links").body["items"]
    assert [item["short_url"] for item in items] == ["", lines[1]["short_url"], "", ""]


def test_a_list_with_what_stands_for_an_erased_contact_is_refused(control):
    control.broadcast()

    answer = control.mint([{"contact_id": "c-1"}, {"contact_id": "erased-" + "0f" * 16}])

    assert (answer.status, answer.body["line"], answer.body["field"]) == (422, 2, "contact_id")
    assert "stands for a contact that was erased" in answer.body["detail"]
