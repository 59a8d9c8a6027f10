"""What became of single links: taps of people, visits of machines, taps of others than the contact."""

import asyncio
from collections.abc import Sequence

import msgspec

from control.http.schemas import LinkState
from runtime.clickhouse import ClickHouse

_THESE = (
    "account IN {accounts:Array(String)} AND broadcast_id IN {ids:Array(String)} AND link_id IN {links:Array(UInt64)}"
)
_COUNTED = f"""
SELECT link_id, countIf(engaged) AS taps,
    countIf(counted AND visit_class IN ('preview', 'prefetch', 'scanner', 'bot')) AS machines
FROM clicks WHERE {_THESE} GROUP BY link_id
"""  # noqa: S608 - of constants alone
_FORWARDED = f"SELECT link_id, other_clicks FROM forwarded_links WHERE {_THESE}"  # noqa: S608


class Tapped(msgspec.Struct, frozen=True):
    """Of one link. taps: of people who were led on; machines: visits that were."""

    link_id: int
    taps: int = 0
    machines: int = 0
    forwarded: int = 0  # taps of others than the first


class _Forwarded(msgspec.Struct, frozen=True):
    link_id: int
    other_clicks: int


async def tapped_links(clickhouse: ClickHouse, links: Sequence[LinkState]) -> list[Tapped]:
    """One for each, in their order."""
    numbers = [link.link_id for link in links]
    these = {
        "accounts": sorted({link.account for link in links}), "ids": sorted({link.broadcast_id for link in links}),
        "links": numbers,
    }  # fmt: skip
    counted, forwarded = await asyncio.gather(
        clickhouse.rows(_COUNTED, Tapped, **these), clickhouse.rows(_FORWARDED, _Forwarded, **these)
    )
    of_link, others = {one.link_id: one for one in counted}, {one.link_id: one.other_clicks for one in forwarded}
    return [
        msgspec.structs.replace(of_link.get(number, Tapped(number)), forwarded=others.get(number, 0))
        for number in numbers
    ]
