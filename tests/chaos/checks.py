"""What all of these tests end with: each click is a row, once, and ledger and audit say the same."""

import msgspec
from redis.asyncio import Redis

from accounting.audit import read_audit
from accounting.ledger import read_ledger
from runtime.clickhouse import ClickHouse

YEARS_H = 10 * 366 * 24.0  # the clicks of some tests were made long ago
_PER_LANE = "SELECT lane, count() AS n FROM clicks GROUP BY lane"


class Rows(msgspec.Struct, frozen=True):
    """What the table says of itself."""

    rows: int
    distinct: int  # (lane, seq)
    projected: int  # rows as the projection counts them
    dead: int


async def rows_of(clickhouse: ClickHouse) -> Rows:
    return Rows(
        int(await clickhouse.value("SELECT count() FROM clicks SETTINGS optimize_use_projections = 0")),
        int(await clickhouse.value("SELECT uniqExact(lane, seq) FROM clicks")),
        int(await clickhouse.value(f"SELECT sum(n) FROM ({_PER_LANE}) SETTINGS force_optimize_projection = 1") or 0),
        int(await clickhouse.value("SELECT count() FROM dead_clicks")),
    )


async def check_each_click_once(clickhouse: ClickHouse, clicks: int) -> None:
    """Raises AssertionError when a click is missing, doubled, or set aside."""
    found = await rows_of(clickhouse)
    assert found == Rows(clicks, clicks, clicks, 0), f"{clicks} clicks, once each, are {found}"


async def check_nothing_is_amiss(redis: Redis | str, clickhouse: ClickHouse, clicks: int) -> None:
    """The same, and what `taptrail ledger` and `taptrail audit` look at; redis: a client, or where it is."""
    await check_each_click_once(clickhouse, clicks)
    client = Redis.from_url(redis) if isinstance(redis, str) else redis
    try:
        await check_books(client, clickhouse)
    finally:
        if client is not redis:
            await client.aclose()


async def check_books(redis: Redis, clickhouse: ClickHouse) -> None:
    """Raises AssertionError when ledger or audit name a click missing, doubled or lost."""
    ledger = await read_ledger(redis, clickhouse)
    audit = await read_audit(redis, clickhouse, YEARS_H)
    assert (ledger.gap, ledger.lost, audit.wrong) == (0, 0, 0), f"{ledger} {audit}"
