"""Visits get the verdict of those beside them: rows that are there, projections with them, and new rows at once."""

import time
import uuid

import pytest

from aggregator.neighbour_sql import MAP
from aggregator.neighbours import Neighbours
from aggregator.regrade import Filter, Regrade
from aggregator.scans_seen import ScansSeen
from records.broadcast import Broadcast
from tests.support.clicks import IPHONE
from tests.support.regrade import projection_faults
from visitors.neighbours import ALL_AT_ONCE, MANY_CONTACTS, TOO_SOON

NOW_S = int(time.time())
SENT_S = NOW_S - 600
PREFIX = "198.51.100.0/24"
SCANNER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
TWO_PAGES = ("https://acme.example/a", "https://acme.example/b")


def visit(seq, at_s, contact, *, link=0, agent=SCANNER, prefix=PREFIX, **fields):
    return {
        "lane": 1, "seq": seq, "click_id": str(uuid.UUID(int=seq)), "account": "main", "broadcast_id": "spring",
        "broadcast_no": 1, "link_id": contact * 2 + link, "contact_id": f"c-{contact}", "destination_index": link,
        "clicked_at": at_s, "received_at": NOW_S, "status": 302, "method": "GET", "user_agent": agent,
        "ip_prefix": prefix, "visit_class": "human", "class_reasons": ["agent-browser"], "classifier_version": 2,
        **fields,
    }  # fmt: skip


def walk(first_seq=1, **fields):
    return [visit(first_seq + number, SENT_S + 60 + number, number, **fields) for number in range(40)]


@pytest.fixture
async def sent(clickhouse):
    sent = Broadcast(1, "main", "spring", "go.acme.example", TWO_PAGES, sent_at_ms=SENT_S * 1000, version=1)
    await clickhouse.insert_rows("broadcasts", [sent])
    return clickhouse


def neighbours(clickhouse, seen=None):
    return Neighbours(clickhouse, ScansSeen() if seen is None else seen, lambda: NOW_S)


async def judged(clickhouse):
    sql = "SELECT groupArray((visit_class, class_reasons)) FROM (SELECT * FROM clicks ORDER BY seq)"
    return [(visit_class, reasons) for visit_class, reasons in await clickhouse.value(sql)]


SCANS = ("scanner", [MANY_CONTACTS, "agent-browser"])
PERSON = ("human", ["agent-browser"])


async def test_the_rows_of_a_scan_are_a_scanners_and_people_beside_it_stay_people(sent):
    people = [visit(100, SENT_S + 61.5, 900, agent=IPHONE), visit(101, SENT_S + 70, 901, prefix="203.0.113.0/24")]
    await sent.insert_rows("clicks", [*walk(), *people])

    assert await neighbours(sent).look() == 40

    assert await judged(sent) == [*[SCANS] * 40, PERSON, PERSON]
    assert await projection_faults(sent) == []
    assert await sent.value(f"SELECT count() FROM {MAP}") == 0


async def test_a_second_look_changes_nothing_and_neither_does_another_aggregator_or_regrade(sent):
    await sent.insert_rows("clicks", walk())
    first = neighbours(sent)
    assert await first.look() == 40
    assert first.rows_changed == {MANY_CONTACTS: 40}

    assert await first.look() == 0
    assert await neighbours(sent).look() == 0
    assert (await Regrade(sent, Filter(), version=99).find()).changes == []


async def test_rows_that_headers_have_judged_are_left_to_them(sent):
    await sent.insert_rows("clicks", walk(visit_class="preview", class_reasons=["agent-preview"]))

    assert await neighbours(sent).look() == 0
    assert set(map(str, await judged(sent))) == {str(("preview", ["agent-preview"]))}


async def test_a_row_that_is_there_late_is_judged_with_those_before_it(sent):
    await sent.insert_rows("clicks", walk()[:38])
    looking = neighbours(sent)
    await looking.look()
    await sent.insert_rows("clicks", walk()[38:])

    assert await looking.look() == 2
    assert await judged(sent) == [SCANS] * 40


async def test_a_visit_too_soon_and_all_links_at_once_are_a_machines(sent):
    soon = visit(1, SENT_S + 0.5, 1, agent=IPHONE, prefix="203.0.113.0/24")
    both = [visit(2 + link, SENT_S + 100 + link, 2, link=link, prefix="192.0.2.0/24") for link in (0, 1)]
    slow = [visit(4 + link, SENT_S + 100 + 9 * link, 3, link=link, prefix="192.0.2.0/24") for link in (0, 1)]
    await sent.insert_rows("clicks", [soon, *both, *slow])

    assert await neighbours(sent).look() == 3
    found = [reasons[0] for _, reasons in await judged(sent)]
    assert found == [TOO_SOON, ALL_AT_ONCE, ALL_AT_ONCE, "agent-browser", "agent-browser"]


async def test_a_send_that_many_visits_lie_before_accuses_nobody(sent):
    early = [visit(seq, SENT_S - 100 - seq, seq, prefix=f"203.0.{seq}.0/24") for seq in range(1, 3)]
    await sent.insert_rows("clicks", [*early, visit(9, SENT_S + 0.5, 9, prefix="192.0.2.0/24")])

    assert await neighbours(sent).look() == 0


async def test_a_network_with_its_share_of_former_broadcasts_is_not_a_scanner(sent):
    """As many for every broadcast, in whatever order: a carrier's gateway."""
    former = [
        visit(1000 + number, NOW_S - 10 * 86_400 + number * 60, number, broadcast_id="winter", broadcast_no=0)
        for number in range(500)
    ]
    crowd = [visit(5000 + number, SENT_S + 60 + number % 50, 5000 + number, prefix="203.0.113.0/24", agent=f"{number}")
             for number in range(200)]  # fmt: skip
    await sent.insert_rows("clicks", [*former, *walk(), *crowd])

    assert await neighbours(sent).look() == 0


async def test_new_rows_of_a_scan_that_goes_on_are_known_and_later_ones_are_not(sent):
    seen = ScansSeen()
    await sent.insert_rows("clicks", walk())
    await neighbours(sent, seen).look()

    network, last_ms = ("main", "spring", PREFIX), (SENT_S + 60 + 39) * 1000
    assert seen.holds(network, SCANNER, last_ms + 899_000)
    assert not seen.holds(network, SCANNER, last_ms + 901_000)
    assert not seen.holds(network, IPHONE, last_ms)
    assert not seen.holds(("main", "autumn", PREFIX), SCANNER, last_ms)
