import json
from uuid import UUID

import msgspec
import pyarrow as pa
import pytest
from redis.asyncio import Redis

from aggregator.classify import VisitClass
from aggregator.devices import Devices
from aggregator.enrich import ClickRow, Enricher
from aggregator.geo import Geo
from aggregator.rows import INSERT_CLICKS, arrow_stream, by_partition
from aggregator.visitors import Salts, day_of
from records.click import AddressCipher
from tests.aggregator.clicks import CLICK, CODE_KEY, numbered

PLAIN = Enricher(AddressCipher(CODE_KEY), Salts(Redis(port=1)), Devices(), Geo()).enrich(
    [numbered()], CLICK.clicked_at_ms + 900, {day_of(CLICK.clicked_at_ms): bytes(16)}
)[0]
HIGHEST = PLAIN._replace(
    lane=2**64 - 1,
    seq=2**64 - 1,
    click_id=bytes.fromhex("00112233445566778899aabbccddeeff"),
    link_id=2**64 - 1,
    broadcast_no=2**64 - 1,
    destination_index=65_535,
    visitor_id=2**64 - 1,
    asn=2**32 - 1,
    country="US",
    region="Washington",
    city="Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich",
    as_org="Example \N{SNOWMAN}",
    user_agent="a\x00b'\"\\\n",
    class_reasons=("agent-tool", "method-head"),
)
EMPTY = PLAIN._replace(seq=2, class_reasons=(), contact_id="", destination="", user_agent="", edge_id="", status=410)


@pytest.mark.parametrize("visit_class", list(VisitClass))
def test_every_class_is_sent_by_its_name(visit_class):
    batch = pa.ipc.open_stream(arrow_stream([PLAIN._replace(visit_class=visit_class)])).read_all()

    assert batch.column("visit_class").to_pylist() == [visit_class]


async def test_every_column_comes_back_from_the_engine_as_it_was_sent(clickhouse):
    rows = [PLAIN, EMPTY, *(PLAIN._replace(seq=10 + at, visit_class=one) for at, one in enumerate(VisitClass)), HIGHEST]

    await clickhouse.insert(INSERT_CLICKS, arrow_stream(rows))

    shown = ", ".join(AS_SENT.get(name, name) for name in ClickRow._fields)
    text = await clickhouse.value(
        f"SELECT groupArray(row) FROM (SELECT toJSONString(tuple({shown})) row FROM {SORTED})"
    )
    assert [json.loads(one) for one in text] == [json.loads(msgspec.json.encode(row)) for row in map(readable, rows)]


# What JSON cannot say as Arrow does: instants as milliseconds, the id in its text.
AS_SENT = {
    "click_id": "toString(click_id)",
    "clicked_at": "toUnixTimestamp64Milli(clicked_at)",
    "received_at": "toUnixTimestamp64Milli(received_at)",
    "visit_class": "toString(visit_class)",
}
SORTED = "(SELECT * FROM clicks ORDER BY seq)"


def readable(row: ClickRow) -> ClickRow:
    return row._replace(click_id=str(UUID(bytes=row.click_id)))


def test_one_stream_is_one_record_batch():
    reader = pa.ipc.open_stream(arrow_stream([PLAIN] * 20_000))

    assert [batch.num_rows for batch in reader] == [20_000]


def test_rows_are_parted_by_the_month_of_the_click_in_utc():
    before = PLAIN._replace(seq=1, clicked_at=1_796_083_199_999)  # 2026-11-30 23:59:59.999
    after = PLAIN._replace(seq=2, clicked_at=1_796_083_200_000)  # 2026-12-01

    assert by_partition([before, after, before]) == {202611: [before, before], 202612: [after]}


def test_no_rows_have_no_partition():
    assert by_partition([]) == {}
