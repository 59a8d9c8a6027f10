"""Contacts that are kept for some months, and erased then."""

import msgspec
import pytest

from aggregator.erasures import SETTLE_MS, Erasures
from aggregator.expiry import Expiry, Next, Run, next_of
from aggregator.expiry_sql import SECRETS
from records.erasure import EXPIRIES, STEPS, is_token
from tests.support.aggregator import Aggregator, add, register
from tests.support.click_rows import click
from tests.support.erasure import ask, forgotten, places_with
from tests.support.frames import CLICK
from tests.support.regrade import projection_faults

DAY = 86_400
SUMS = """
SELECT broadcast_id, count(), uniqExact(contact_id), uniqExact(link_id, visitor_id), min(seq), max(seq)
FROM clicks GROUP BY broadcast_id ORDER BY ALL FORMAT JSONCompactEachRow
"""
PERSON = {"user_agent": "Phone", "code": "aB3dE5fG7", "destination": "https://acme.example/?c=x", "visitor_id": 77}


@pytest.fixture
async def now(clickhouse):
    return int(await clickhouse.value("SELECT toUnixTimestamp(now())"))


async def link(clickhouse, link_id, contact_id, minted_at, **fields):
    row = {
        "link_id": link_id,
        "account": "main",
        "code": "",
        "short_domain": "go.acme.example",
        "broadcast_no": 1,
        "broadcast_id": "spring",
        "contact_id": contact_id,
        "fields": {"order": contact_id},
        "minted_at": minted_at,
    }
    await clickhouse.insert_rows("links", [row | fields])  # fmt: skip
    for after_s in (60, 50 * DAY):
        at = {"clicked_at": minted_at + after_s, "received_at": minted_at + after_s}
        await click(clickhouse, contact_id, link_id=link_id, broadcast_no=1, **PERSON, **at)


async def expire(clickhouse, months=2):
    """All that is due now."""
    expiry = Expiry(clickhouse, months, settle_ms=0)
    while await expiry.look():
        pass


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({"begun": 0}, Next.LINKS),
        ({"begun": 0, "linked": 1}, Next.WAIT),
        ({"begun": 0, "linked": 0}, Next.CLICKS),
    ],
)
def test_clicks_follow_when_all_aggregators_know_of_the_links(steps, expected):
    assert next_of(Run(9, steps, SETTLE_MS)) is expected


async def test_contacts_of_old_links_are_erased_and_no_sum_moves(clickhouse, now):
    await link(clickhouse, 1, "c-old", now - 90 * DAY)
    await link(clickhouse, 2, "canary:c-old", now - 90 * DAY)
    await link(clickhouse, 3, "", now - 90 * DAY)
    await link(clickhouse, 4, "c-new", now - 55 * DAY)
    sums = await clickhouse.body(SUMS)

    await expire(clickhouse)

    assert await places_with(clickhouse, "c-old") == []
    assert await clickhouse.body(SUMS) == sums
    assert await projection_faults(clickhouse) == []
    for table in ("links", "clicks"):
        ids = await clickhouse.value(
            f"SELECT groupArray(contact_id) FROM (SELECT DISTINCT link_id, contact_id FROM {table} ORDER BY link_id)"
        )
        assert [is_token(each) for each in ids] == [True, True, False, False]
        assert (ids[1].startswith("canary:"), ids[2:]) == (True, ["", "c-new"])
    kept = "SELECT groupUniqArray((user_agent, code, destination)) FROM clicks WHERE link_id = {}"
    assert await clickhouse.value(kept.format(1)) == [["", "", ""]]
    assert await clickhouse.value(kept.format(4)) == [list(PERSON.values())[:3]]
    assert await clickhouse.value(f"SELECT count() FROM {SECRETS}") == 0


async def test_nothing_is_erased_where_contacts_are_kept_for_ever_or_nothing_is_due(clickhouse, now):
    await link(clickhouse, 1, "c-old", now - 90 * DAY)

    await expire(clickhouse, months=0)
    await expire(clickhouse, months=12)

    assert await clickhouse.value(f"SELECT count() FROM {EXPIRIES}") == 0
    assert await clickhouse.value("SELECT countIf(contact_id = 'c-old') FROM clicks") == 2


async def test_a_contact_with_a_newer_link_of_the_broadcast_waits_for_it_and_counts_once(clickhouse, now):
    await link(clickhouse, 1, "c-1", now - 90 * DAY)
    await link(clickhouse, 2, "c-2", now - 90 * DAY)
    await link(clickhouse, 3, "c-1", now - 40 * DAY)

    await expire(clickhouse)
    assert await clickhouse.value("SELECT groupUniqArray(link_id) FROM clicks WHERE contact_id = 'c-1'") == [1, 3]
    assert await clickhouse.value("SELECT uniqExact(contact_id) FROM clicks") == 2
    await expire(clickhouse, months=1)

    assert await places_with(clickhouse, "c-1") == []
    assert await clickhouse.value("SELECT uniqExact(contact_id) FROM clicks") == 2
    assert await clickhouse.value("SELECT uniqExact(contact_id) FROM links") == 2


async def test_a_later_tap_of_an_old_link_comes_in_with_its_token(clickhouse, redis, now):
    named = {"account": CLICK.account, "broadcast_no": CLICK.broadcast_no}
    await link(clickhouse, CLICK.link_id, CLICK.contact_id, now - 90 * DAY, **named)
    await expire(clickhouse)
    forgot = msgspec.structs.replace(CLICK, contact_id="")  # an edge that has read the table since
    shared = msgspec.structs.replace(CLICK, link_id=CLICK.link_id - 1, contact_id="")

    await register(redis)
    await add(redis, 1, 3, clicks=[CLICK, forgot, shared])
    await Aggregator(redis, clickhouse).move_all()

    assert await places_with(clickhouse, CLICK.contact_id) == []
    ids = await clickhouse.value("SELECT groupArray(contact_id) FROM (SELECT * FROM clicks WHERE seq < 4 ORDER BY seq)")
    assert ids[0] == ids[1]
    assert [is_token(each) for each in ids] == [True, True, False]


async def test_a_run_that_was_cut_off_anywhere_ends_the_same(clickhouse, now):
    for number in range(5):
        await link(clickhouse, number + 1, f"c-old-{number}", now - 90 * DAY)
    sums = await clickhouse.body(SUMS)
    expiry = Expiry(clickhouse, 2, settle_ms=0)
    await expiry.look()
    await expiry.look()
    # Killed before it could say so: the links are done, and that is not recorded.
    await clickhouse.execute(f"ALTER TABLE {EXPIRIES} DELETE WHERE step = 'linked' SETTINGS mutations_sync = 1")

    await expire(clickhouse)

    assert await places_with(clickhouse, "c-old") == []
    assert await clickhouse.body(SUMS) == sums
    both = "SELECT count() FROM clicks INNER JOIN links USING link_id WHERE clicks.contact_id = links.contact_id"
    assert await clickhouse.value(both) == 10


async def test_an_erasure_is_done_only_when_no_run_has_its_clicks_still_to_do(clickhouse, redis, now):
    await link(clickhouse, 1, "c-old", now - 90 * DAY)
    expiry, erasures = Expiry(clickhouse, 2, settle_ms=0), Erasures(clickhouse, redis, settle_ms=0)
    await expiry.look()
    await expiry.look()  # the link has a token, and its clicks have none
    await ask(clickhouse, 1, "c-old")
    done = f"SELECT countIf(step = 'done') FROM {STEPS}"
    await erasures.look()
    await forgotten(clickhouse, 1)
    for _ in range(3):
        await erasures.look()
    assert await clickhouse.value(done) == 0

    await expire(clickhouse)
    await erasures.look()

    assert await clickhouse.value(done) == 1
    assert await places_with(clickhouse, "c-old") == ["taptrail_internal.erasures.contact_hash"]


async def test_old_dead_letters_lose_their_bytes_and_old_claims_their_hash(clickhouse, now):
    for number, at in enumerate((now - 90 * DAY, now - 30 * DAY), 1):
        dead = {"lane": 1, "seq": number, "reason": "odd", "received_at": at, "payload": "YQ=="}
        await clickhouse.insert_rows("dead_clicks", [dead])
        claim = {"account": "main", "broadcast_no": 1, "idempotency_key": str(number), "body_hash": "5e",
                 "first_link_id": number, "links": 1, "minted_at": at}  # fmt: skip
        await clickhouse.insert_rows("taptrail_internal.mints", [claim])

    await expire(clickhouse)

    assert await clickhouse.value("SELECT groupArray(seq) FROM dead_clicks WHERE payload = ''") == [1]
    hashed = "SELECT groupArray(first_link_id) FROM taptrail_internal.mints WHERE body_hash = ''"
    assert await clickhouse.value(hashed) == [1]
