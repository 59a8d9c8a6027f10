"""The figures of a list of broadcasts: those of the report, read again only where something has changed."""

import asyncio

import msgspec
import pytest

from control.reports.overview import CURVE_POINTS, Overview, curve
from records.broadcast import Broadcast

HOUR_S = 3_600


def test_a_curve_has_the_taps_of_the_first_two_days_in_steps_of_two_hours():
    sent_ms = 1_790_000_000_000
    begun_s = sent_ms // 1_000 // HOUR_S * HOUR_S

    taps = [(-1, 9), (0, 3), (1, 4), (47, 1), (48, 8)]
    counts = curve([(begun_s + hour * HOUR_S, people) for hour, people in taps], sent_ms)

    assert counts == [7, *[0] * (CURVE_POINTS - 2), 1]


class Statements:
    """The ClickHouse of a test, which counts what it is asked."""

    def __init__(self, clickhouse) -> None:
        self._clickhouse, self.asked = clickhouse, []

    async def rows(self, sql, row, **params):
        self.asked.append(params["ids"])
        return await self._clickhouse.rows(sql, row, **params)


async def known(clickhouse, name) -> Broadcast:
    number = await clickhouse.value(
        "SELECT max(broadcast_no) FROM broadcasts WHERE broadcast_id = {id:String}", id=name
    )
    return Broadcast(int(number), "main", name, "")


@pytest.fixture
async def minted(control):
    for name, contacts in (("spring", 3), ("summer", 2)):
        control.broadcast(name)
        control.mint([{"contact_id": f"c-{number}"} for number in range(contacts)], name)


async def test_only_what_has_changed_is_counted_again(minted, control, clickhouse):
    statements = Statements(clickhouse)
    overview = Overview(statements)
    broadcasts = [await known(clickhouse, "summer"), await known(clickhouse, "spring")]
    broadcasts.append(Broadcast(99, "main", "unknown", ""))

    first = await overview.lines(broadcasts)
    control.mint([{"contact_id": "c-9"}], "summer")
    second = await overview.lines(broadcasts)
    third = await overview.lines(broadcasts)

    assert [line.figures.contacts for line in first] == [2, 3, 0]
    assert [line.figures.contacts for line in second] == [line.figures.contacts for line in third] == [3, 3, 0]
    every = ["summer", "spring", "unknown"]
    assert [sorted(ids) for ids in statements.asked] == [
        sorted(every), ["spring", "summer"], sorted(every), ["summer"], sorted(every),
    ]  # fmt: skip


async def test_a_broadcast_of_another_account_with_the_same_id_is_another(minted, control, clickhouse):
    spring = await known(clickhouse, "spring")
    [line] = await Overview(clickhouse).lines([msgspec.structs.replace(spring, account="acme")])

    assert line.figures.contacts == 0


async def test_lists_that_are_asked_for_at_once_agree(minted, clickhouse):
    overview = Overview(clickhouse)
    broadcasts = [await known(clickhouse, "spring")]

    found = await asyncio.gather(*(overview.lines(broadcasts) for _ in range(5)))

    assert {lines[0].figures.contacts for lines in found} == {3}
