import msgspec
import pytest

from runtime.clickhouse import ClickHouse
from tests.support.aggregator import Aggregator, add, counts, register
from tests.support.frames import CLICK
from tests.support.proxy import Proxy, refuse


@pytest.mark.parametrize("code", [395, 241], ids=["too late", "out of memory"])
async def test_a_batch_that_clickhouse_finds_too_large_is_inserted_in_parts(redis, clickhouse, clickhouse_url, code):
    await register(redis)
    for seq in range(1, 4_001, 100):
        await add(redis, seq, 100)
    async with Proxy(clickhouse_url).running() as proxy:
        through = ClickHouse(proxy.url)
        proxy.faults = [refuse(code), refuse(code)]

        await Aggregator(redis, through).move_all()
        await through.close()

    assert await counts(clickhouse) == (4_000, 4_000, 4_000)
    largest = "SELECT max(rows) FROM system.parts WHERE table = 'clicks' AND level = 0"
    assert await clickhouse.value(largest) == 1_000


async def test_a_full_batch_becomes_a_part_of_one_file(redis, clickhouse):
    """Every file is synced before an INSERT is confirmed, and a wide part has one or two for each column."""
    clicks = [msgspec.structs.replace(CLICK, destination="https://shop.acme.example/" + "x" * 500)] * 200
    await register(redis)
    for seq in range(1, 20_001, 200):
        await add(redis, seq, 200, clicks=clicks)

    await Aggregator(redis, clickhouse).pipeline.move_one_batch()

    parts = "SELECT rows, part_type, data_uncompressed_bytes > 10485760 AS is_large FROM system.parts"
    (part,) = await clickhouse.rows(f"{parts} WHERE table = 'clicks' AND active", dict)
    assert part == {"rows": 20_000, "part_type": "Compact", "is_large": 1}


async def test_what_is_refused_for_another_reason_is_not_made_into_more_parts(redis, clickhouse, clickhouse_url):
    await register(redis)
    await add(redis, 1, 2_000)
    async with Proxy(clickhouse_url).running() as proxy:
        through = ClickHouse(proxy.url)
        proxy.faults = [refuse(252)]

        await Aggregator(redis, through).move_all()
        await through.close()

    assert await clickhouse.value("SELECT max(rows) FROM system.parts WHERE table = 'clicks' AND level = 0") == 2_000
