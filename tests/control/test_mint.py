import asyncio

import pytest

from records.broadcast import decode_broadcast
from records.code import CodeCipher
from records.keys import ALLOCATED, broadcast_key, lock_key
from tests.support.control import CODE_KEY, DOMAIN, SHOP, contacts
from tests.support.eventually import eventually
from tests.support.links import link_in_redis

cipher = CodeCipher(bytes.fromhex(CODE_KEY))


async def links(clickhouse, columns="link_id, contact_id"):
    sql = f"SELECT [{', '.join(f'toString({name})' for name in columns.split(', '))}] FROM links ORDER BY link_id"
    return [tuple(row["row"]) for row in await clickhouse.rows(sql.replace(" FROM", " AS row FROM"), dict)]


async def test_every_contact_gets_a_link_of_its_own(control, redis, clickhouse):
    control.broadcast(keyword="SPRING")

    answer = control.mint([{"contact_id": "c-1", "audience": "vip"}, {"contact_id": "c-2"}])

    assert answer.status == 200
    assert answer.body[0] == {
        "contact_id": "c-1",
        "destination_index": 0,
        "link_id": 0,
        "code": cipher.seal(0),
        "short_url": f"https://{DOMAIN}/{cipher.seal(0)}",
    }
    columns = "link_id, account, code, short_domain, broadcast_id, contact_id, audience, keyword, slug"
    assert await links(clickhouse, columns) == [
        ("0", "main", cipher.seal(0), DOMAIN, "spring", "c-1", "vip", "SPRING", ""),
        ("1", "main", cipher.seal(1), DOMAIN, "spring", "c-2", "", "SPRING", ""),
    ]


async def test_what_edges_need_is_in_redis_before_the_answer(control, redis):
    control.broadcast()

    first = control.mint(contacts(300, audience="vip")).body[0]["link_id"]

    assert int(await redis.get(ALLOCATED)) == first + 300
    broadcast = decode_broadcast(await redis.get(broadcast_key(0)))
    for place in (0, 127, 128, 299):
        link = await link_in_redis(redis, first + place)
        assert (link.broadcast_no, link.contact_id) == (0, f"c-{place}")
        assert broadcast.audiences[link.audience_no] == "vip"


async def test_the_first_minting_is_when_a_broadcast_was_sent(control):
    assert control.broadcast()["sent_at"] is None
    control.mint(contacts(1))

    sent_at = control.call("GET", "/v1/broadcasts/spring").body["sent_at"]

    assert sent_at is not None
    control.mint(contacts(2))
    assert control.broadcast()["sent_at"] == sent_at


async def test_without_a_time_of_its_own_a_broadcast_was_sent_at_its_first_minting_again(control):
    control.broadcast()
    control.mint(contacts(1))
    first = control.call("GET", "/v1/broadcasts/spring").body["sent_at"]
    control.mint(contacts(2))
    control.call("PATCH", "/v1/broadcasts/spring", {"sent_at": "2020-01-01T00:00:00Z"})

    cleared = control.call("PATCH", "/v1/broadcasts/spring", {"sent_at": None})

    assert cleared.body["sent_at"] == first


async def test_before_the_first_minting_no_time_is_left_of_one_that_was_taken_away(control):
    control.broadcast(sent_at="2020-01-01T00:00:00Z")

    assert control.call("PATCH", "/v1/broadcasts/spring", {"sent_at": None}).body["sent_at"] is None


async def test_a_line_without_an_index_gets_a_link_for_each_destination(control):
    control.broadcast(destinations=(SHOP, SHOP + "&2"))

    answer = control.mint([{"contact_id": "c-1"}, {"contact_id": "c-2", "destination_index": 1}, {"contact_id": "c-3"}])

    first = answer.body[0]["link_id"]
    assert [(line["contact_id"], line["destination_index"], line["link_id"] - first) for line in answer.body] == [
        ("c-1", 0, 0), ("c-1", 1, 1), ("c-2", 1, 2), ("c-3", 0, 3), ("c-3", 1, 4),
    ]  # fmt: skip


async def test_audiences_are_only_ever_added(control, redis):
    control.broadcast()
    control.mint([{"contact_id": "a", "audience": "vip"}, {"contact_id": "b", "audience": "new"}])

    control.mint([{"contact_id": "c", "audience": "old"}, {"contact_id": "d", "audience": "vip"}])

    broadcast = decode_broadcast(await redis.get(broadcast_key(0)))
    assert broadcast.audiences == ("", "vip", "new", "old")
    link = await link_in_redis(redis, 3)
    assert broadcast.audiences[link.audience_no] == "vip"


async def test_more_audiences_than_a_broadcast_can_hold_are_refused(control, clickhouse):
    control.broadcast()

    answer = control.mint([{"contact_id": str(number), "audience": f"a{number}"} for number in range(10_001)])

    assert (answer.status, answer.body["field"]) == (422, "audience")
    assert "10000" in answer.body["detail"]
    assert await links(clickhouse) == []


async def test_the_same_key_gives_the_same_links_again(control, redis, clickhouse):
    control.broadcast()
    first = control.mint(contacts(200), Idempotency_Key="k")
    await redis.flushall()

    again = control.mint(contacts(200), Idempotency_Key="k")

    assert again.body == first.body
    assert len(await links(clickhouse)) == 200
    assert (await link_in_redis(redis, 199)).contact_id == "c-199"
    assert control.mint([{"contact_id": "d-1"}]).body[0]["link_id"] == 200


async def test_the_same_key_gives_the_same_links_although_destinations_were_added(control):
    control.broadcast()
    first = control.mint(contacts(3), Idempotency_Key="k")
    control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [SHOP, SHOP + "&2"]})

    assert control.mint(contacts(3), Idempotency_Key="k").body == first.body


async def test_a_key_is_good_for_one_body(control, clickhouse):
    control.broadcast()
    control.mint(contacts(2), Idempotency_Key="k")

    answer = control.mint(contacts(3), Idempotency_Key="k")

    assert (answer.status, answer.body["field"]) == (409, "Idempotency-Key")
    assert len(await links(clickhouse)) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [({"stopped": True}, "is stopped"), ({"expires_at": "2020-01-01T00:00:00Z"}, "expired at 2020-01-01T00:00:00Z")],
)
async def test_links_that_are_dead_at_birth_are_minted_with_a_warning(control, change, said):
    control.broadcast()
    assert control.mint(contacts(1)).headers["Taptrail-Warning"] is None
    control.call("PATCH", "/v1/broadcasts/spring", change)

    minted = control.mint(contacts(2))
    shared = control.call("POST", "/v1/links", {"broadcast_id": "spring"})

    assert (minted.status, len(minted.body), shared.status) == (200, 2, 201)
    assert f"broadcast spring {said}" in minted.headers["Taptrail-Warning"]
    assert f"broadcast spring {said}" in shared.headers["Taptrail-Warning"]


async def test_an_empty_key_is_refused_by_the_name_of_its_header(control, clickhouse):
    control.broadcast()
    link = {"short_domain": DOMAIN, "destination": "https://shop.acme.example/"}

    for answer in (
        control.mint(contacts(1), Idempotency_Key=""), control.call("POST", "/v1/links", link, Idempotency_Key=" ")
    ):  # fmt: skip
        assert (answer.status, answer.body["field"]) == (422, "Idempotency-Key")
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


async def test_a_minting_that_was_cut_off_goes_on_where_it_was(control, clickhouse):
    control.broadcast()
    first = control.mint(contacts(500), Idempotency_Key="k")
    await clickhouse.execute("DELETE FROM links WHERE link_id >= 100 AND link_id < 400")

    assert control.mint(contacts(500), Idempotency_Key="k").body == first.body

    assert await links(clickhouse) == [(str(number), f"c-{number}") for number in range(500)]


async def test_the_same_key_at_the_same_time_mints_once(control, clickhouse):
    control.broadcast()

    answers = await asyncio.gather(
        *(asyncio.to_thread(control.mint, contacts(50), Idempotency_Key="k") for _ in range(5))
    )

    assert all(answer.body == answers[0].body for answer in answers)
    assert len(await links(clickhouse)) == 50


async def test_the_same_key_in_another_process_is_told_to_wait(control, redis, clickhouse):
    control.broadcast()
    await redis.set(lock_key("mint:0:k"), "another process")

    answer = control.mint(contacts(3), Idempotency_Key="k")

    assert (answer.status, answer.headers["Retry-After"]) == (409, "2")
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


async def test_a_minting_is_locked_while_it_runs(control, redis):
    control.broadcast()
    minting = asyncio.create_task(asyncio.to_thread(control.mint, contacts(60_000), Idempotency_Key="k"))

    await eventually(lambda: redis.exists(lock_key("mint:0:k")))

    assert len((await minting).body) == 60_000
    assert not await redis.exists(lock_key("mint:0:k"))


async def test_mintings_at_the_same_time_share_no_link(control, clickhouse):
    for name in "abcd":
        control.broadcast(name)

    answers = await asyncio.gather(*(asyncio.to_thread(control.mint, contacts(300), name) for name in "abcd"))

    codes = [line["code"] for answer in answers for line in answer.body]
    assert len(codes) == len(set(codes)) == 1200
    assert len(await links(clickhouse)) == 1200


async def test_a_bad_line_fails_the_whole_request_and_nothing_is_minted(control, clickhouse, redis):
    control.broadcast()

    answer = control.mint([*contacts(3), b"\n", {"contact_id": "c-9"}])

    assert (answer.status, answer.body["line"]) == (422, 4)
    assert await links(clickhouse) == []
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


async def test_bad_lines_are_answered_in_their_places_when_they_may_be_skipped(control):
    control.broadcast()

    answer = control.mint(
        [b"{}\n", {"contact_id": "a"}, {"contact_id": "a"}, b"\xff\n", {"contact_id": "b"}, b"x\n"],
        query="?skip_bad=true",
    )

    assert [line.get("contact_id") or line["line"] for line in answer.body] == [1, "a", 3, 4, "b", 6]
    assert "contact_id is required" in answer.body[0]["error"]


@pytest.mark.parametrize("good", [0, 1])
async def test_many_bad_lines_are_counted_at_the_end(control, good):
    control.broadcast()

    answer = control.mint([b"x\n" * 3_000, *[{"contact_id": "a"}] * good], query="?skip_bad=true")

    assert [line["line"] for line in answer.body[:1_000]] == list(range(1, 1_001))
    assert [line["contact_id"] for line in answer.body[1_000:-1]] == ["a"] * good
    rest = {"line": 1_001, "error": "2,000 more lines are bad, from this one on", "lines": 2_000}
    assert answer.body[-1] == rest


async def test_only_bad_lines_are_all_answered(control, clickhouse):
    control.broadcast()

    assert [line["line"] for line in control.mint([b"{}\n", b"\n"], query="?skip_bad=true").body] == [1, 2]
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/broadcasts/unknown/links", b'{"contact_id":"a"}', 404, None),
        ("/v1/broadcasts/spring/links", b"", 422, None),
        ("/v1/broadcasts/spring/links?skip_bad=maybe", b'{"contact_id":"a"}', 422, "skip_bad"),
        ("/v1/broadcasts/spring/links", b'{"contact_id":"' + b"a" * 5_000_000 + b'"}', 413, None),
    ],
)
async def test_a_request_that_cannot_be_minted_says_why(control, path, body, status, field):
    control.broadcast()

    answer = control.call("POST", path, body)

    assert (answer.status, answer.body.get("field")) == (status, field)


async def test_a_large_body_is_answered_while_it_is_minted(control, clickhouse):
    control.broadcast()
    body = b"".join(b'{"contact_id":"c-%d"}\n' % number for number in range(120_000))

    answer = control.call("POST", "/v1/broadcasts/spring/links", body)

    assert [line["link_id"] for line in answer.body] == list(range(120_000))
    assert await clickhouse.value("SELECT uniqExact(link_id) FROM links") == 120_000
    assert answer.body[-1]["contact_id"] == "c-119999"
