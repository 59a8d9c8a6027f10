"""A contact has one link per destination in a broadcast, however often a list is minted."""

import asyncio
import http.client
import random

from tests.support.control import MAIN, SHOP, contacts
from tests.support.eventually import eventually


def short_urls(answer):
    assert answer.status == 200, answer.body
    return {(line["contact_id"], line["destination_index"]): line["short_url"] for line in answer.body}


def existing(answer):
    return [line["contact_id"] for line in answer.body if line.get("existing")]


async def doubled(clickhouse):
    """Pairs of contact and destination with more than one link."""
    each = "SELECT 1 FROM links GROUP BY broadcast_no, contact_id, destination_index HAVING count() > 1"
    return await clickhouse.value(f"SELECT count() FROM ({each})")


async def minted(clickhouse):
    return await clickhouse.value("SELECT count() FROM links")


async def test_a_list_with_one_more_contact_mints_one_link(control, clickhouse):
    control.broadcast()
    first = control.mint(contacts(50), Idempotency_Key="first")

    grown = control.mint([*contacts(50), {"contact_id": "ä'\\{x}"}], Idempotency_Key="grown")

    assert short_urls(first).items() < short_urls(grown).items()
    assert existing(first) == []
    assert existing(grown) == [f"c-{number}" for number in range(50)]
    assert "existing" not in grown.body[-1]
    assert await minted(clickhouse) == 51


async def test_the_same_contacts_in_another_order_mint_nothing(control, clickhouse):
    control.broadcast(destinations=(SHOP, SHOP + "&2"))
    first = control.mint(contacts(40))
    shuffled = contacts(40, audience="another")
    random.Random(1).shuffle(shuffled)

    again = control.mint(shuffled)

    assert short_urls(again) == short_urls(first)
    assert len(existing(again)) == 80
    assert [line["contact_id"] for line in again.body[::2]] == [line["contact_id"] for line in shuffled]
    assert await minted(clickhouse) == 80


async def test_only_the_destinations_that_a_contact_lacks_are_minted(control, clickhouse):
    control.broadcast(destinations=(SHOP, SHOP + "&2"))
    control.mint([{"contact_id": "a", "destination_index": 1}, {"contact_id": "b", "destination_index": 0}])

    answer = control.mint([{"contact_id": "a"}, {"contact_id": "b", "destination_index": 0}, {"contact_id": "c"}])

    assert [(line["contact_id"], line["destination_index"], line.get("existing", False)) for line in answer.body] == [
        ("a", 0, False), ("a", 1, True), ("b", 0, True), ("c", 0, False), ("c", 1, False),
    ]  # fmt: skip
    assert await doubled(clickhouse) == 0


async def test_a_destination_that_was_added_is_minted_for_those_who_have_the_others(control, clickhouse):
    control.broadcast()
    control.mint(contacts(3))
    control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [SHOP, SHOP + "&2"]})

    answer = control.mint(contacts(3))

    assert [line.get("existing", False) for line in answer.body] == [True, False] * 3
    assert await minted(clickhouse) == 6


async def test_what_exists_is_said_before_the_first_line(control):
    control.broadcast()
    control.mint(contacts(3))

    assert control.mint(contacts(4)).headers["Taptrail-Warning"].startswith("3 links were there already")
    assert control.mint([{"contact_id": "new"}]).headers["Taptrail-Warning"] is None


async def test_a_dry_run_counts_and_mints_nothing(control, clickhouse):
    control.broadcast(destinations=(SHOP, SHOP + "&2"))
    empty = control.mint(contacts(3), query="?dry_run=true")
    control.mint([{"contact_id": "c-0"}, {"contact_id": "c-1", "destination_index": 1}])
    sent_at = control.call("GET", "/v1/broadcasts/spring").body["sent_at"]

    counted = control.mint(contacts(3, audience="other"), query="?dry_run=true", Idempotency_Key="k")
    repeated = control.mint(contacts(3), query="?dry_run=true&again=true")
    with_bad = control.mint([{"contact_id": "c-0"}, b"{\n"], query="?dry_run=true&skip_bad=true")

    assert (empty.status, empty.body) == (200, {"new": 6, "existing": 0})
    assert counted.body == {"new": 3, "existing": 3}
    assert repeated.body == {"new": 6, "existing": 0}
    assert with_bad.body == {"new": 0, "existing": 2}
    counts = "SELECT [count(), (SELECT count() FROM taptrail_internal.mints)] FROM links"
    assert await clickhouse.value(counts) == [3, 1]
    assert control.call("GET", "/v1/broadcasts/spring").body["sent_at"] == sent_at
    assert control.mint(contacts(3), query="?dry_run=perhaps").body["field"] == "dry_run"


async def test_again_mints_for_all_and_the_first_link_stays_theirs(control, clickhouse):
    control.broadcast()
    first = control.mint(contacts(3))

    again = control.mint(contacts(3), query="?again=true", Idempotency_Key="again")

    assert set(short_urls(again).values()).isdisjoint(short_urls(first).values())
    assert existing(again) == []
    assert control.mint(contacts(3), query="?again=true", Idempotency_Key="again").body == again.body
    assert control.mint(contacts(3), Idempotency_Key="again").status == 409, "another request under the same key"
    assert short_urls(control.mint(contacts(3))) == short_urls(first)
    assert await minted(clickhouse) == 6


async def test_a_key_gives_the_same_answer_again_where_some_links_were_there(control, clickhouse):
    control.broadcast()
    control.mint(contacts(3))
    grown = control.mint(contacts(6), Idempotency_Key="grown")
    nothing_new = control.mint(contacts(2), Idempotency_Key="old")
    control.mint(contacts(9))

    assert control.mint(contacts(6), Idempotency_Key="grown").body == grown.body
    assert control.mint(contacts(2), Idempotency_Key="old").body == nothing_new.body
    assert control.mint(contacts(3), Idempotency_Key="old").status == 409
    assert await minted(clickhouse) == 9


async def test_a_minting_that_was_cut_off_serves_nobody_twice_when_another_one_came_between(control, clickhouse):
    control.broadcast()
    control.mint(contacts(20))
    control.mint(contacts(100), Idempotency_Key="cut off")
    await clickhouse.execute("DELETE FROM links WHERE link_id BETWEEN 40 AND 79")
    between = control.mint(contacts(60))

    ended = control.mint(contacts(100), Idempotency_Key="cut off")

    assert short_urls(between).items() < short_urls(ended).items()
    assert existing(ended) == [f"c-{number}" for number in (*range(20), *range(40, 60))]
    assert await doubled(clickhouse) == 0
    assert await minted(clickhouse) == 100
    assert control.mint(contacts(100), Idempotency_Key="cut off").body == ended.body


async def test_mintings_at_once_of_overlapping_contacts_give_nobody_two_links(
    control, controls, valkey_url, clickhouse
):
    control.broadcast()
    other = await asyncio.to_thread(controls, valkey_url)

    def mint(number):
        lines = contacts(300)[number * 20 : number * 20 + 200]
        while (answer := (control, other)[number % 2].mint(lines)).status == 409:
            assert answer.body["type"] == "/docs#in-progress"
        return answer

    answers = await asyncio.gather(*(asyncio.to_thread(mint, number) for number in range(6)))

    assert await doubled(clickhouse) == 0
    assert await minted(clickhouse) == 300
    urls = {pair for answer in answers for pair in short_urls(answer).items()}
    assert len(urls) == 300


async def test_a_minter_killed_between_claim_and_write_leaves_nobody_with_two_links(
    controls, control, valkey_url, redis, clickhouse
):
    control.broadcast()
    path = "/v1/broadcasts/spring/links"
    body = b"".join(b'{"contact_id":"c-%d"}\n' % number for number in range(200_000))
    dying = await asyncio.to_thread(controls, valkey_url)
    connection = http.client.HTTPConnection("127.0.0.1", dying.port, timeout=60)
    headers = {"Authorization": f"Bearer {MAIN}", "Idempotency-Key": "key"}
    connection.request("POST", path, body, headers)
    await eventually(lambda: clickhouse.value("SELECT count() FROM taptrail_internal.mints"), within_s=20)
    dying.kill()
    await redis.delete(*[name async for name in redis.scan_iter("tt:lock:*")])  # instead of waiting for their end
    assert await minted(clickhouse) < 200_000

    between = await asyncio.to_thread(control.mint, contacts(150_000)[50_000:])
    ended = await asyncio.to_thread(control.call, "POST", path, body, Idempotency_Key="key")

    assert short_urls(between).items() < short_urls(ended).items()
    assert await doubled(clickhouse) == 0
    assert await minted(clickhouse) == len(short_urls(ended)) == 200_000


async def test_a_broadcast_that_is_being_minted_is_waited_for(control, controls, valkey_url, redis):
    control.broadcast()
    await redis.set("tt:lock:minting:0", "another process", px=11_000)

    waiting = await asyncio.to_thread(control.mint, contacts(2))

    assert (waiting.status, waiting.headers["Retry-After"]) == (409, "2")


async def test_more_links_than_are_read_at_once_are_all_known(control, clickhouse):
    control.broadcast()
    everybody = contacts(260_000)
    await asyncio.to_thread(control.mint, everybody)
    everybody.reverse()

    counted = await asyncio.to_thread(control.mint, [*everybody, {"contact_id": "new"}], query="?dry_run=true")

    assert counted.body == {"new": 1, "existing": 260_000}
