"""Clicks taken apart, and some of them chosen."""

import pytest

from aggregator.clicks import AT_ONCE, Gathering, Identity
from aggregator.enrich import Enricher
from aggregator.rows import arrow_stream
from records.address import AddressCipher
from tests.support.clicks import CLICK, CODE_KEY, Numbered, click, gathered, numbered, rows_in
from visitors.devices import Devices
from visitors.geo import Geo

ENRICHER = Enricher(AddressCipher(CODE_KEY), Devices(), Geo())
SALTS = {CLICK.clicked_at_ms // 86_400_000: bytes(16)}
MIXED = [
    Numbered(lane, seq, f"edge-{lane}", numbered(seq, f"203.0.{seq}.9", **changes).click)
    for lane in (3, 2**64 - 1)
    for seq, changes in enumerate(
        [
            {"contact_id": "a", "audience": "new", "link_id": 1, "click_id": b"1" * 16},
            {"contact_id": "", "code": "\N{SNOWMAN}", "query_marks": {"gclid": "y"}, "link_id": 2**64 - 1},
            {"user_agent": "curl/8", "destination": "", "clicked_at_ms": CLICK.clicked_at_ms + 5},
        ],
        1,
    )
]


def rows(clicks):
    return rows_in(arrow_stream(clicks, ENRICHER.enrich(clicks, SALTS), 1))


def test_chosen_clicks_keep_all_that_is_theirs():
    chosen = [MIXED[index] for index in (1, 2, 4)]

    found = gathered(*MIXED).only({(each.lane, each.seq) for each in chosen})

    assert rows(found) == rows(gathered(*chosen))
    assert list(found) == [(3, 2), (3, 3), (2**64 - 1, 2)]


def test_what_the_tables_have_is_left_out_and_the_others_stay_in_order():
    found = gathered(*MIXED).without({(3, 2), (2**64 - 1, 1), (9, 9)})

    assert list(found) == [(3, 1), (3, 3), (2**64 - 1, 2), (2**64 - 1, 3)]
    assert rows(found) == rows(gathered(*(MIXED[index] for index in (0, 2, 4, 5))))


def test_no_value_of_a_click_that_was_not_chosen_is_sent():
    secret = numbered(2, user_agent="Phone of somebody", contact_id="somebody")

    found = gathered(numbered(1), secret).only({(secret.lane, 1)})

    assert b"somebody" not in arrow_stream(found, ENRICHER.enrich(found, SALTS), 1)


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_clicks_come_in_their_order_however_many_they_are(count):
    changes = [{"contact_id": f"c-{index}", "audience": f"a{index % 7}"} for index in range(count)]

    found = gathered(*(numbered(seq, **each) for seq, each in enumerate(changes, 1)))

    assert [row["contact_id"] for row in rows(found)] == [each["contact_id"] for each in changes]
    assert [row["audience"] for row in rows(found)] == [each["audience"] for each in changes]
    assert [identity.seq for identity in found] == list(range(1, count + 1)) == [*found.seqs]


def test_a_slice_is_identities():
    gathering = Gathering()
    gathering.add(7, range(5, 9), "edge", [click()] * 4)

    assert gathering.clicks()[1:3] == [Identity(7, 6), Identity(7, 7)]
    assert gathering.clicks()[3] == (7, 8)


def test_days_are_those_of_the_clicks():
    day, day_ms = CLICK.clicked_at_ms // 86_400_000, 86_400_000
    later = [numbered(seq, clicked_at_ms=CLICK.clicked_at_ms + days * day_ms) for seq, days in enumerate((2, 0, 2, 1))]

    assert gathered(*later).days() == {day, day + 1, day + 2}
    assert gathered(*later[:1]).days() == {day + 2}
    assert gathered().days() == set()
