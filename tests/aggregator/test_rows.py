import json
from array import array
from collections.abc import Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

import pyarrow as pa

from aggregator.days import day_of
from aggregator.enrich import Enricher
from aggregator.grouped import Grouped
from aggregator.rows import COLUMNS, INSERT_CLICKS, arrow_stream, by_partition
from records.address import AddressCipher
from tests.support.clicks import CLICK, CODE_KEY, Numbered, click, gathered, numbered, rows_in
from visitors.classify import Verdict, VisitClass
from visitors.devices import Devices
from visitors.geo import Geo
from visitors.place import NOWHERE, Place

PLAIN = numbered()
EMPTY = numbered(2, contact_id="", destination="", user_agent="", status=410, refusal="expired")
HIGHEST = Numbered(
    lane=2**64 - 1,
    seq=2**64 - 1,
    edge_id="",
    click=click(
        click_id=bytes.fromhex("00112233445566778899aabbccddeeff"),
        link_id=2**64 - 1,
        broadcast_no=2**64 - 1,
        destination_index=65_535,
        query_marks={"gclid": "y", "utm_source": "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n\x00"},
        user_agent="a\x00b'\"\\\n",
    ),
)
ENRICHER = Enricher(AddressCipher(CODE_KEY), Devices(), Geo())
ZURICH = Place(
    country="US",
    region="Washington",
    city="Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich",
    asn=2**32 - 1,
    as_org="Example \N{SNOWMAN}",
)


def stream(clicks: Sequence[Numbered], **changes: Any) -> bytes:
    together = gathered(*clicks)
    found = ENRICHER.enrich(together, {day_of(CLICK.clicked_at_ms): bytes(16)})
    return arrow_stream(together, found._replace(**changes), CLICK.clicked_at_ms + 900)


def of_each(*values: Any) -> Grouped[Any]:
    """One value a click."""
    return Grouped(list(values), array("i", range(len(values))))


async def test_every_column_comes_back_from_the_engine_as_it_was_sent(clickhouse):
    classes = [numbered(10 + at) for at in range(len(VisitClass))]
    clicks = [PLAIN, EMPTY, HIGHEST, *classes]
    places = of_each(NOWHERE, NOWHERE, ZURICH, *[NOWHERE] * len(classes))
    machine = Verdict(VisitClass.BOT, ("agent-tool", "method-head"))
    verdicts = of_each(
        machine, Verdict(VisitClass.BOT, ()), machine, *(Verdict(visit_class, ()) for visit_class in VisitClass)
    )
    sent = stream(
        clicks, places=places, verdicts=verdicts,
        visitor_ids=[*range(1, len(clicks)), 2**64 - 1],
    )  # fmt: skip

    await clickhouse.insert(INSERT_CLICKS, sent)

    shown = ", ".join(AS_SENT.get(name, name) for name in COLUMNS)
    rows = f"SELECT toJSONString(tuple({shown})) row FROM (SELECT * FROM clicks ORDER BY seq, lane)"
    text = await clickhouse.value(f"SELECT groupArray(row) FROM ({rows})")
    in_order = sorted(rows_in(sent), key=itemgetter("seq"))
    assert [json.loads(row) for row in text] == [readable(row) for row in in_order]
    assert {row["visit_class"] for row in in_order} == set(VisitClass)


# What JSON cannot say as Arrow does: instants as milliseconds, the id in its text.
AS_SENT = {
    "click_id": "toString(click_id)",
    "clicked_at": "toUnixTimestamp64Milli(clicked_at)",
    "received_at": "toUnixTimestamp64Milli(received_at)",
    "visit_class": "toString(visit_class)",
}


def readable(row: dict[str, Any]) -> list[Any]:
    return [str(UUID(bytes=row[name])) if name == "click_id" else row[name] for name in COLUMNS]


def test_one_stream_is_one_record_batch():
    reader = pa.ipc.open_stream(stream([PLAIN] * 20_000))

    assert [batch.num_rows for batch in reader] == [20_000]


def test_rows_are_parted_by_the_month_of_the_click_in_utc():
    before = numbered(1, clicked_at_ms=1_796_083_199_999)  # 2026-11-30 23:59:59.999
    after = numbered(2, clicked_at_ms=1_796_083_200_000)  # 2026-12-01

    parts = by_partition(gathered(before, after, before))

    assert {month: [click.seq for click in clicks] for month, clicks in parts.items()} == {202611: [1, 1], 202612: [2]}


def test_no_rows_have_no_partition():
    assert by_partition(gathered()) == {}
