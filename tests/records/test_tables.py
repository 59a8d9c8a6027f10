import msgspec
import pytest

from records.broadcast import Broadcast
from records.tables import BROADCASTS, DOMAINS, in_force

FIRST = Broadcast(5, "main", "first", "go.acme.example", ("https://shop.acme.example/1",), version=1)
SECOND = Broadcast(5, "main", "second", "go.acme.example", ("https://shop.acme.example/2",), version=2)


@pytest.mark.parametrize("table", [BROADCASTS, DOMAINS], ids=lambda table: table.name)
async def test_the_columns_of_a_table_are_the_fields_of_its_record_and_the_change_that_made_it(clickhouse, table):
    columns = await clickhouse.value(
        "SELECT groupArray(name) FROM system.columns WHERE database = 'taptrail' AND table = {table:String}",
        table=table.name,
    )

    assert sorted(columns) == sorted([*table.record.__struct_fields__, "change"])


async def test_a_record_is_read_back_as_it_was_written(clickhouse):
    written = Broadcast(
        7, "acme/seattle", "b", "go.acme.example", ('https://a.example/"\\', "https://ü.example/"), "rcs", "K", 1, 2,
        307, True, "https://over.example/", True, 3, ("", "vip"), 2**53 + 1,
    )  # fmt: skip
    await clickhouse.insert_rows("broadcasts", [written])

    assert await clickhouse.rows(in_force(BROADCASTS, "broadcast_no = 7"), Broadcast) == [written]


async def test_the_row_that_was_written_last_is_in_force(clickhouse):
    newer = msgspec.structs.replace(FIRST, stopped=True, version=9)
    await clickhouse.insert_rows("broadcasts", [newer])
    await clickhouse.insert_rows("broadcasts", [FIRST])

    assert await clickhouse.rows(in_force(BROADCASTS, "version >= 1"), Broadcast) == [newer]
    assert await clickhouse.rows(in_force(BROADCASTS, "NOT stopped"), Broadcast) == []


async def test_a_broadcast_that_left_a_number_is_not_found_by_it(clickhouse):
    moved = msgspec.structs.replace(SECOND, broadcast_no=6, version=3)
    await clickhouse.insert_rows("broadcasts", [FIRST])
    await clickhouse.insert_rows("broadcasts", [SECOND])
    await clickhouse.insert_rows("broadcasts", [moved])

    assert await clickhouse.rows(in_force(BROADCASTS, "broadcast_no = 5"), Broadcast) == [FIRST]
