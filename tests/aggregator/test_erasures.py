"""Contacts that are erased from the tables: nothing names them, and no sum moves."""

import base64

import msgspec
import pytest

from aggregator.erasures import SETTLE_MS, Erasures, Next, Pending, Waiting, next_of, waiting_of
from records.code import CodeCipher
from records.erasure import ERASED_LINKS, NAMES, STEPS, erasure_id, erasure_number, is_token
from records.keys import lease_key
from tests.support.aggregator import LANE, Aggregator, add, register
from tests.support.click_rows import SENT, click
from tests.support.clicks import CODE_KEY
from tests.support.erasure import ask, forgotten, places_with, settled
from tests.support.frames import CLICK

WHO, MINTS = "c-4711-somebody", "taptrail_internal.mints"
PERSON = {
    "visitor_id": 77, "user_agent": f"Phone of {WHO}", "ip_prefix": "203.0.113.0/24", "code": "aB3dE5fG7",
    "destination": f"https://shop.acme.example/?c={WHO}", "query_marks": {"utm_id": WHO}, "sec_ch_ua": "Phone",
}  # fmt: skip
AUDIT = ["taptrail_internal.erasures.contact_hash"]  # as tests/support/erasure.py makes it
SUMS = """
SELECT broadcast_id, visit_class, status, country, count(), uniqExact(contact_id), uniqExact(link_id, visitor_id),
    min(seq), max(seq)
FROM clicks GROUP BY broadcast_id, visit_class, status, country ORDER BY ALL FORMAT JSONCompactEachRow
"""
LINK_SUMS = """
SELECT broadcast_no, audience, destination_index, count(), uniqExact(contact_id) FROM links GROUP BY ALL ORDER BY ALL
FORMAT JSONCompactEachRow
"""


async def link(clickhouse, link_id, contact_id, **fields):
    row = {
        "link_id": link_id, "account": "main", "short_domain": "go.acme.example", "broadcast_no": 1,
        "code": CodeCipher(CODE_KEY).seal(link_id), "broadcast_id": "spring", "contact_id": contact_id,
        "fields": {"order": contact_id}, "minted_at": SENT, **fields,
    }  # fmt: skip
    await clickhouse.insert_rows("links", [row])


@pytest.fixture
async def erasures(clickhouse, redis):
    return Erasures(clickhouse, redis)


async def erase(clickhouse, erasures, *numbers):
    """All steps, with control's and the time between."""
    await erasures.look()
    await settled(clickhouse)
    await forgotten(clickhouse, *numbers)
    await erasures.look()
    await erasures.look()


async def steps(clickhouse, erasure):
    return await clickhouse.value(f"SELECT groupUniqArray(step) FROM {STEPS} WHERE erasure = {erasure}")


async def two_contacts(clickhouse):
    for number, contact_id in enumerate((WHO, WHO, "c-2")):
        await link(clickhouse, number + 1, contact_id, destination_index=number % 2)
    await link(clickhouse, 4, WHO, broadcast_no=2, broadcast_id="summer")
    for link_id in (1, 2):
        await click(clickhouse, WHO, link_id=link_id, broadcast_no=1, **PERSON)
    await click(clickhouse, "c-2", link_id=3, broadcast_no=1, visitor_id=77, user_agent="Phone", code="code00003")
    await click(clickhouse, WHO, "bot", link_id=1, broadcast_no=1, after_s=86_400 * 40, **PERSON)
    await click(clickhouse, WHO, link_id=4, broadcast_no=2, broadcast_id="summer", **PERSON)
    await click(clickhouse, "c-2", link_id=3, broadcast_no=1)


NOW = 1_790_000_000_000
BEFORE = NOW - SETTLE_MS


@pytest.mark.parametrize(
    ("steps_done", "expected"),
    [
        ({}, Next.LINK),
        ({"begun": BEFORE}, Next.LINK),
        ({"begun": BEFORE, "linked": BEFORE + 1}, Next.WAIT),
        ({"begun": BEFORE, "linked": BEFORE}, Next.CLEAR),
        ({"linked": BEFORE, "cleared": NOW}, Next.WAIT),
        ({"linked": BEFORE, "cleared": NOW, "forgotten": NOW}, Next.END),
        ({"linked": BEFORE, "cleared": BEFORE - 1, "forgotten": NOW}, Next.CLEAR),
        ({"linked": BEFORE, "cleared": NOW, "forgotten": BEFORE - 1}, Next.WAIT),
    ],
)
def test_the_next_step_follows_from_those_that_are_done_since_its_links_were_noted(steps_done, expected):
    assert next_of(Pending(1, steps_done, True, NOW)) is expected


def test_an_erasure_whose_name_is_dropped_is_done():
    assert next_of(Pending(1, {"linked": BEFORE}, False, NOW)) is Next.RECORD


def test_what_waits_is_counted_and_its_oldest_is_timed():
    numbers = [erasure_number(NOW - 90_000, 0), erasure_number(NOW - 1000, 1)]

    assert waiting_of([Pending(number, {}, True, NOW) for number in numbers]) == Waiting(2, 90.0)
    assert waiting_of([]) == Waiting()


async def test_an_erasure_that_waits_for_long_is_named_in_the_log_once_and_counted(clickhouse, erasures, caplog):
    server_ms = await clickhouse.value("SELECT toUnixTimestamp64Milli(now64(3))")
    number = erasure_number(server_ms - 2 * 3_600_000, 7)
    await ask(clickhouse, number, WHO)

    await erasures.look()
    await erasures.look()

    (record,) = [record for record in caplog.records if record.msg.startswith("erasure_waits:")]
    assert (record.erasure, record.waits_for, record.erasures) == (erasure_id(number), "link", 1)
    assert WHO not in str(vars(record))
    assert erasures.waiting.erasures == 1
    assert 7200 <= erasures.waiting.oldest_s < 7300


async def test_nothing_in_clickhouse_names_an_erased_contact_and_no_sum_moves(clickhouse, erasures):
    await two_contacts(clickhouse)
    sums, link_sums = await clickhouse.body(SUMS), await clickhouse.body(LINK_SUMS)
    others = "SELECT sum(cityHash64(*)) FROM clicks WHERE contact_id = 'c-2'"
    before = await clickhouse.value(others)
    await ask(clickhouse, 1, WHO)
    assert await places_with(clickhouse, WHO) != []

    await erase(clickhouse, erasures, 1)

    assert "done" in await steps(clickhouse, 1)
    assert await places_with(clickhouse, WHO) == AUDIT
    assert (await clickhouse.body(SUMS), await clickhouse.body(LINK_SUMS)) == (sums, link_sums)
    assert await clickhouse.value(others) == before


async def test_a_contact_has_one_token_in_a_broadcast_and_another_in_the_next(clickhouse, erasures):
    await two_contacts(clickhouse)
    await ask(clickhouse, 1, WHO)

    await erase(clickhouse, erasures, 1)

    tokens = "SELECT groupUniqArray((broadcast_no, contact_id)) FROM {} WHERE startsWith(contact_id, 'erased-')"
    of_links = await clickhouse.value(tokens.format("links"))
    assert sorted(await clickhouse.value(tokens.format("clicks"))) == sorted(of_links)
    assert sorted(number for number, _ in of_links) == [1, 2]
    assert len({token for _, token in of_links}) == 2


async def test_what_leads_to_a_person_is_gone_from_the_rows(clickhouse, erasures):
    await two_contacts(clickhouse)
    await ask(clickhouse, 1, WHO)

    await erase(clickhouse, erasures, 1)

    rows = await clickhouse.rows(f"SELECT {', '.join(PERSON)} FROM clicks WHERE link_id != 3", dict)
    assert len(rows) == 4
    for row in rows:
        assert row.pop("visitor_id") not in (0, 77)
        assert not any(row.values()), row
    assert await clickhouse.value("SELECT countIf(notEmpty(fields)) FROM links WHERE contact_id != 'c-2'") == 0


async def test_another_accounts_contact_of_that_id_stays(clickhouse, erasures):
    for link_id, account in enumerate(("main", "main/seattle", "mainly", "acme"), 1):
        await link(clickhouse, link_id, WHO, account=account)
    await ask(clickhouse, 1, WHO, account="main")

    await erase(clickhouse, erasures, 1)

    sql = "SELECT arraySort(groupArray(toString(account))) FROM links WHERE contact_id = {who:String}"
    assert await clickhouse.value(sql, who=WHO) == ["acme", "mainly"]


async def test_canaries_of_the_contact_are_erased_too_and_stay_canaries(clickhouse, erasures):
    for link_id, contact_id in enumerate((WHO, f"canary:{WHO}", "canary:0f0f0f0f"), 1):
        await link(clickhouse, link_id, contact_id)
        await click(clickhouse, contact_id, link_id=link_id, broadcast_no=1)
    await ask(clickhouse, 1, WHO)

    await erase(clickhouse, erasures, 1)

    assert await places_with(clickhouse, WHO) == AUDIT
    for table in ("links", "clicks"):
        ids = await clickhouse.value(f"SELECT groupArray(contact_id) FROM (SELECT * FROM {table} ORDER BY link_id)")
        assert [is_token(each) for each in ids] == [True, True, False]
        assert [each.startswith("canary:") for each in ids] == [False, True, True]
        assert ids[1] == f"canary:{ids[0]}"


def claim(first, links, key):
    return {"account": "main", "broadcast_no": 1, "idempotency_key": key, "body_hash": "5e" * 32,
            "first_link_id": first, "links": links, "minted_at": SENT, "destinations": 1}  # fmt: skip


async def test_claims_keep_neither_a_key_with_the_id_nor_a_hash_of_the_contacts_list(clickhouse, erasures):
    for link_id in (3, 10):
        await link(clickhouse, link_id, WHO)
    claims = [claim(1, 5, "monday"), claim(6, 4, "tuesday"), claim(10, 1, f"welcome-{WHO}"), claim(11, 5, "friday")]
    await clickhouse.insert_rows(MINTS, claims)
    await ask(clickhouse, 1, WHO)

    await erase(clickhouse, erasures, 1)

    assert "done" in await steps(clickhouse, 1)
    assert await places_with(clickhouse, WHO) == AUDIT
    kept = f"SELECT groupArray((first_link_id, body_hash != '')) FROM (SELECT * FROM {MINTS} ORDER BY first_link_id)"
    assert await clickhouse.value(kept) == [[1, 0], [6, 1], [11, 1]]


async def test_dead_letters_of_the_account_that_hold_the_id_lose_their_bytes(clickhouse, erasures):
    payloads = [
        msgspec.msgpack.encode(["main", "x", WHO]), msgspec.msgpack.encode(["acme", "x", WHO]),
        msgspec.msgpack.encode(["main", "x", "c-2"]),
    ]  # fmt: skip
    await clickhouse.insert_rows("dead_clicks", [
        {"lane": 1, "seq": seq, "reason": "odd", "payload": base64.b64encode(payload).decode()}
        for seq, payload in enumerate(payloads, 1)
    ])  # fmt: skip
    await ask(clickhouse, 1, WHO)

    await erase(clickhouse, erasures, 1)

    assert await clickhouse.value("SELECT groupArray(seq) FROM dead_clicks WHERE payload = ''") == [1]
    assert await clickhouse.value("SELECT count() FROM dead_clicks") == 3


async def test_links_that_stop_lose_their_code_also_when_they_were_kept_before(clickhouse, erasures):
    await two_contacts(clickhouse)
    await ask(clickhouse, 1, WHO)
    await erase(clickhouse, erasures, 1)
    codes = "SELECT countIf(code = ''), count() FROM links"
    assert (await clickhouse.rows(codes, dict))[0] == {"countIf(equals(code, ''))": 0, "count()": 4}

    await ask(clickhouse, 2, WHO, links="stop")
    await erase(clickhouse, erasures, 2)

    assert await clickhouse.value("SELECT groupArray(link_id) FROM links WHERE code != ''") == [3]
    assert "done" in await steps(clickhouse, 2)


async def test_a_link_that_was_minted_meanwhile_is_erased_before_it_is_done(clickhouse, erasures):
    await two_contacts(clickhouse)
    await ask(clickhouse, 1, WHO)
    await erasures.look()
    await link(clickhouse, 5, WHO, destination_index=1)

    await erase(clickhouse, erasures, 1)
    assert "done" not in await steps(clickhouse, 1)
    await erase(clickhouse, erasures, 1)

    assert "done" in await steps(clickhouse, 1)
    assert await places_with(clickhouse, WHO) == AUDIT
    of_spring = "SELECT uniqExact(contact_id) FROM links WHERE broadcast_no = 1"
    assert await clickhouse.value(of_spring) == 2


async def test_a_contact_without_a_link_is_erased_too(clickhouse, erasures):
    await ask(clickhouse, 1, WHO)

    await erase(clickhouse, erasures, 1)

    assert "done" in await steps(clickhouse, 1)
    assert await clickhouse.value(f"SELECT count() FROM {NAMES}") == 0


async def test_clicks_that_were_in_a_spool_meanwhile_come_in_without_the_contact(redis, clickhouse, erasures):
    await link(clickhouse, CLICK.link_id, CLICK.contact_id, account=CLICK.account, broadcast_no=CLICK.broadcast_no)
    other = msgspec.structs.replace(CLICK, link_id=CLICK.link_id + 1, contact_id="c-other")
    aggregator = Aggregator(redis, clickhouse)
    await register(redis)
    await add(redis, 1, 2, clicks=[CLICK, other])
    await aggregator.move_all()
    await ask(clickhouse, 1, CLICK.contact_id, account=CLICK.account)
    await erase(clickhouse, erasures, 1)

    await redis.delete(lease_key(LANE))
    await add(redis, 3, 2, clicks=[CLICK, other])
    await Aggregator(redis, clickhouse).move_all()

    assert await places_with(clickhouse, CLICK.contact_id) == AUDIT
    rows = await clickhouse.rows(
        "SELECT seq, contact_id, visit_class, user_agent = '' AS bare FROM clicks ORDER BY seq", dict
    )
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["contact_id"] == rows[2]["contact_id"]
    assert is_token(rows[0]["contact_id"])
    assert [row["contact_id"] for row in rows[1::2]] == ["c-other"] * 2
    assert [row["bare"] for row in rows] == [1, 0, 1, 0]
    assert len({row["visit_class"] for row in rows}) == 1


async def test_an_erasure_that_was_cut_off_anywhere_ends_the_same(clickhouse, redis, erasures):
    await two_contacts(clickhouse)
    sums = await clickhouse.body(SUMS)
    await ask(clickhouse, 1, WHO)
    await erasures.look()
    # Killed before it could say so: the steps are done, and not recorded.
    await clickhouse.execute(f"TRUNCATE TABLE {STEPS}")
    tokens = f"SELECT arraySort(groupUniqArray((link_id, token))) FROM {ERASED_LINKS}"
    first = await clickhouse.value(tokens)

    await erase(clickhouse, Erasures(clickhouse, redis), 1)

    assert "done" in await steps(clickhouse, 1)
    assert await clickhouse.value(tokens) == first
    assert await clickhouse.body(SUMS) == sums
    assert await places_with(clickhouse, WHO) == AUDIT
