"""Clicks of erased contacts that come late, as they are sent to ClickHouse."""

import msgspec

from aggregator.days import day_of
from aggregator.enrich import Enricher
from aggregator.erased import without_person
from aggregator.rows import arrow_stream
from records.address import AddressCipher
from tests.support.clicks import CODE_KEY, Numbered, gathered
from tests.support.frames import CLICK
from visitors.devices import Devices
from visitors.geo import Geo

WHO, TOKEN = "c-4711-somebody", "erased-" + "0f" * 16
LATE = msgspec.structs.replace(
    CLICK, contact_id=WHO, user_agent=f"Phone of {WHO}", destination=f"https://acme.example/?c={WHO}",
    query_marks={"utm_id": WHO},
)  # fmt: skip
OTHER = msgspec.structs.replace(CLICK, link_id=CLICK.link_id + 1, contact_id="c-2", user_agent="Phone of c-2")


def sent(clicks):
    """What is inserted where the link of LATE is of an erased contact."""
    together = gathered(*(Numbered(1, seq, "edge-1", click) for seq, click in enumerate(clicks, 1)))
    enricher = Enricher(AddressCipher(CODE_KEY), Devices(), Geo())
    enriched = enricher.enrich(together, {day_of(CLICK.clicked_at_ms): bytes(16)})
    return arrow_stream(*without_person(together, enriched, {LATE.link_id: TOKEN}), 1)


def test_not_even_a_value_that_no_row_has_is_sent_of_an_erased_contact():
    body = sent([LATE, OTHER, LATE])

    assert WHO.encode() not in body
    assert body.count(TOKEN.encode()) == 2


def test_another_visitor_with_the_same_browser_keeps_it():
    alike = msgspec.structs.replace(OTHER, user_agent=LATE.user_agent)

    body = sent([LATE, alike])

    assert LATE.user_agent.encode() in body
    assert b"c-2" in body
