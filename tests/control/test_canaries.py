"""Canaries: links like all others, whose taps are in the report of the canaries alone."""

from math import sqrt

import pytest

from control.minting.canaries import Share, mixed
from tests.support.click_rows import click
from tests.support.control import DOMAIN, contacts

PATH = "/v1/broadcasts/spring/canaries"
TWO = ("https://shop.acme.example/?c={contact_id}", "https://shop.acme.example/sale/{order}")


def canaries(control, body=None):
    answer = control.call("POST", PATH, body)
    assert answer.status == 201, answer.body
    return answer.body["canaries"]


async def kept(clickhouse, columns):
    sql = f"SELECT groupArray(tuple({columns})) FROM (SELECT * FROM links WHERE kind = 'canary' ORDER BY link_id)"
    return [tuple(row) for row in await clickhouse.value(sql)]


async def report(control):
    return control.call("GET", "/v1/broadcasts/spring/report").body


@pytest.fixture
async def spring(control):
    """30 links of vip contacts and 10 of others, each to two destinations."""
    control.broadcast(destinations=TWO, sent_at="2026-09-21T14:13:20Z")
    lines = [{"contact_id": f"c-{no}", "audience": "vip" if no < 30 else "rest", "fields": {"order": "7"}}
             for no in range(40)]  # fmt: skip
    assert control.mint(lines).status == 200
    return control


async def test_canaries_have_the_audiences_and_destinations_of_the_links(spring, clickhouse):
    made = canaries(spring, {"count": 40})

    assert {tuple(one) for one in made} == {("link_id", "code", "short_url", "audience")}
    assert [one["audience"] for one in made].count("vip") == 30
    assert all(len(one["code"]) == 9 and one["short_url"] == f"https://{DOMAIN}/{one['code']}" for one in made)
    rows = await kept(clickhouse, "link_id, code, audience, destination_index, contact_id")
    assert [row[:3] for row in rows] == [(one["link_id"], one["code"], one["audience"]) for one in made]
    assert [row[3] for row in rows].count(0) == 20
    assert len({row[4] for row in rows}) == 40


async def test_a_canary_is_a_link_that_works(spring):
    one, *_ = canaries(spring, {"count": 1})

    link = spring.call("GET", f"/v1/links/{DOMAIN}/{one['code']}").body

    assert (link["state"], link["link_id"], link["audience"]) == ("live", one["link_id"], one["audience"])
    assert link["contact_id"].startswith("canary:")


@pytest.mark.parametrize(("sent_to", "expected"), [(40, 50), (2600, 51)])
async def test_without_a_count_there_are_as_many_as_tell_something(control, sent_to, expected):
    control.broadcast()
    assert control.mint(contacts(sent_to)).status == 200

    assert len(canaries(control)) == expected


async def test_contacts_one_a_line_get_a_canary_each(spring, clickhouse):
    lines = b'{"contact_id":"phone-1","audience":"own"}\n{"contact_id":"phone-2","destination_index":1}\n'

    answer = spring.call("POST", PATH, lines)

    assert (answer.status, answer.headers["content-type"]) == (201, "application/x-ndjson")
    first, second = answer.body
    assert set(first) == {"link_id", "code", "short_url", "audience", "contact_id"}
    assert (first["contact_id"], first["audience"]) == ("phone-1", "own")
    assert (second["contact_id"], second["audience"]) == ("phone-2", "vip")
    rows = await kept(clickhouse, "contact_id, destination_index, fields")
    assert [row[0] for row in rows] == ["canary:phone-1", "canary:phone-2"]
    assert rows[1][1] == 1


@pytest.mark.parametrize("body", [{}, {"count": 5}, b'{"contact_id":"phone-1"}\n{"contact_id":"phone-2"}\n'])
async def test_the_same_key_gives_the_same_canaries_again(spring, clickhouse, redis, body):
    key = {"Idempotency_Key": "monday"}
    first = spring.call("POST", PATH, body, **key)
    # Others than before are the number of contacts and the mix, which decides where a canary leads.
    lines = [{"contact_id": f"late-{no}", "audience": "late", "destination_index": 1, "fields": {"order": "7"}}
             for no in range(4000)]  # fmt: skip
    assert spring.mint(lines).status == 200
    cached = await everything(redis, "tt:k:*")

    second = spring.call("POST", PATH, body, **key)

    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert await everything(redis, "tt:k:*") == cached
    made = len(first.body["canaries"]) if isinstance(first.body, dict) else len(first.body)
    assert await clickhouse.value("SELECT count() FROM links WHERE kind = 'canary'") == made
    assert spring.call("POST", PATH, body, Idempotency_Key="tuesday").body != first.body


async def everything(redis, pattern):
    return {key: await redis.get(key) for key in sorted([key async for key in redis.scan_iter(pattern)])}


async def test_canaries_that_were_claimed_and_never_inserted_are_minted_by_the_same_key(spring, clickhouse):
    first = spring.call("POST", PATH, {"count": 5}, Idempotency_Key="monday").body["canaries"]
    await clickhouse.execute("ALTER TABLE links DELETE WHERE kind = 'canary' SETTINGS mutations_sync = 1")

    again = spring.call("POST", PATH, {"count": 5}, Idempotency_Key="monday").body["canaries"]

    assert [one["code"] for one in again] == [one["code"] for one in first]
    assert await clickhouse.value("SELECT count() FROM links WHERE kind = 'canary'") == 5


@pytest.mark.parametrize("other", [PATH, "/v1/broadcasts/spring/links"])
async def test_a_key_of_another_request_is_refused(spring, other):
    body = b'{"contact_id":"c-1","fields":{"order":"7"}}\n'
    assert spring.call("POST", other, body, Idempotency_Key="monday").status in (200, 201)

    answer = spring.call("POST", PATH, {"count": 5}, Idempotency_Key="monday")

    assert (answer.status, answer.body["field"]) == (409, "Idempotency-Key")


async def test_canaries_are_outside_the_links_the_contacts_and_the_time_of_the_send(control, clickhouse):
    control.broadcast()
    answer = control.call("POST", PATH, {"count": 3})
    assert "mint them first" in answer.headers["Taptrail-Warning"]

    assert control.call("GET", "/v1/broadcasts/spring").body["sent_at"] is None
    report = control.call("GET", "/v1/broadcasts/spring/report").body
    assert (report["links"], report["contacts"], report["sent_at"]) == (0, 0, None)
    assert control.call("GET", "/v1/broadcasts/spring/links").body["items"] == []
    assert len(control.call("GET", "/v1/broadcasts/spring/links?kind=canary").body["items"]) == 3


async def test_the_report_of_canaries_is_what_their_taps_say(spring, clickhouse):
    made = canaries(spring, {"count": 50})
    before = await report(spring)
    tapped = [(0, "human"), (0, "human"), (1, "scanner"), (2, "bot"), (3, "preview"), (3, "human")]
    for number, visit_class in tapped:
        await click(clickhouse, "canary:x", visit_class, link_id=made[number]["link_id"], os="iOS")
    await click(clickhouse, "canary:x", "bot", link_id=made[9]["link_id"], purpose="own-verify")

    after = await report(spring)

    assert [(row["warning"], row["count"]) for row in after.pop("warnings")] == [("canaries-judged-human", 2)]
    assert before.pop("warnings") == []
    found = after.pop("canaries")
    assert (found["links"], found["tapped"], found["judged_human"]) == (50, 4, 2)
    assert (found["scan_rate"], found["miss_rate"]) == (0.08, 0.5)
    assert found["scan_rate_95"] == pytest.approx(wilson(4, 50), abs=1e-9)
    assert found["miss_rate_95"] == pytest.approx(wilson(2, 4), abs=1e-9)
    untapped = before.pop("canaries")
    assert (untapped["tapped"], untapped["miss_rate"], untapped["miss_rate_95"]) == (0, 0, [0, 1])
    assert untapped["scan_rate_95"] == pytest.approx(wilson(0, 50), abs=1e-9)  # not 0: none of 50 leaves room for 7 %
    assert after == before


def wilson(hits, tries, z=1.959963984540054):
    """As the textbook has it."""
    share = hits / tries
    middle = share + z**2 / (2 * tries)
    half = z * sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))
    return [(middle - half) / (1 + z**2 / tries), (middle + half) / (1 + z**2 / tries)]


async def test_a_contact_of_a_list_cannot_pass_for_a_canary(spring):
    answer = spring.mint([{"contact_id": "canary:1", "fields": {"order": "7"}}])

    assert (answer.status, answer.body["field"], answer.body["line"]) == (422, "contact_id", 1)


@pytest.mark.parametrize(("body", "field"), [
    ({"count": 0}, "count"), ({"count": 10_001}, "count"), ({"count": "x"}, "count"), ({"number": 5}, "number"),
    (b'{"contact_id":""}\n', "contact_id"), (b'{"contact_id":"a","destination_index":9}\n', "destination_index"),
])  # fmt: skip
async def test_what_is_wrong_is_named(spring, clickhouse, body, field):
    answer = spring.call("POST", PATH, body)

    assert (answer.status, answer.body["field"]) == (422, field)
    assert await clickhouse.value("SELECT count() FROM links WHERE kind = 'canary'") == 0


async def test_verification_and_changes_take_no_notice_of_canaries(spring):
    canaries(spring, {"count": 4})

    findings = spring.call("POST", "/v1/broadcasts/spring/verify", {"fetch": False, "sample": "all"}).body

    assert [one for one in findings if one.get("check") == "links-per-contact"] == []


MIX = [Share("vip", 0, 600), Share("vip", 1, 300), Share("", 0, 100)]


@pytest.mark.pure
@pytest.mark.parametrize("count", [1, 2, 7, 10, 100, 10_000])
def test_shares_are_mixed_as_they_are_among_all(count):
    found = mixed(MIX, count)

    assert len(found) == count
    for share in MIX:
        assert abs(found.count(share) - count * share.links / 1000) < 1


@pytest.mark.pure
def test_what_is_mixed_is_spread():
    assert [share.audience for share in mixed(MIX, 10)].index("") in (4, 5)
