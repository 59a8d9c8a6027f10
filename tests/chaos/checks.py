"""The one assertion all of these tests end with: each click is a row, once."""

import msgspec

from runtime.clickhouse import ClickHouse

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
