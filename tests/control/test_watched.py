"""Fifty viewers of one broadcast cost one look at its tables every two seconds."""

import asyncio

import pytest

from control.http.lists import Page
from control.reports.filters import Filters
from control.reports.report import Reports
from control.reports.shared import Shared
from control.reports.watched import FRESH_S, View, Watched
from records.broadcast import Broadcast
from records.tables import BROADCASTS, in_force
from tests.support.click_rows import click


class Source:
    """What is read: counts how often, and can be made to fail."""

    def __init__(self):
        self.reads, self.fault, self.gate = [], None, asyncio.Event()
        self.gate.set()

    async def read(self, key):
        self.reads.append(key)
        await self.gate.wait()
        if self.fault:
            raise self.fault
        return len(self.reads)


async def test_all_who_ask_at_the_same_time_get_one_reading():
    source, now = Source(), [0.0]
    shared = Shared(source.read, FRESH_S, lambda: now[0], most=2)

    assert await asyncio.gather(*(shared.get("spring") for _ in range(50))) == [1] * 50
    now[0] = FRESH_S - 0.01
    assert await shared.get("spring") == 1
    now[0] = FRESH_S
    assert await shared.get("spring") == 2


async def test_a_viewer_that_hangs_up_takes_nothing_from_the_others():
    source = Source()
    source.gate.clear()
    shared = Shared(source.read, FRESH_S, lambda: 0.0, most=2)
    first, second = (asyncio.create_task(shared.get("spring")) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    await asyncio.sleep(0)
    source.gate.set()

    assert await second == 1


async def test_what_is_kept_is_bounded_by_its_size_too():
    source = Source()
    shared = Shared(source.read, FRESH_S, lambda: 0.0, most=9, weigh=lambda value: 4, most_weight=10)

    for key in ("a", "b", "a", "c"):  # b was asked for longest ago when c takes the room of one
        await shared.get(key)
    assert source.reads == ["a", "b", "c"]
    await shared.get("a")
    await shared.get("c")
    assert source.reads == ["a", "b", "c"]
    await shared.get("b")

    assert source.reads == ["a", "b", "c", "b"]


async def test_one_that_is_larger_than_all_may_be_is_kept_alone():
    source = Source()
    shared = Shared(source.read, FRESH_S, lambda: 0.0, most=9, weigh=lambda value: 11, most_weight=10)

    for key in ("a", "a", "b", "b", "a"):
        await shared.get(key)

    assert source.reads == ["a", "b", "a"]


async def test_a_failure_is_kept_for_nobody():
    source = Source()
    source.fault = OSError("away")
    shared = Shared(source.read, FRESH_S, lambda: 0.0, most=2)

    with pytest.raises(OSError, match="away"):
        await shared.get("spring")
    source.fault = None

    assert await shared.get("spring") == 2


async def test_what_is_kept_is_bounded():
    source = Source()
    shared = Shared(source.read, FRESH_S, lambda: 0.0, most=2)

    for number in range(3):
        await shared.get(number)
    await shared.get(0)

    assert source.reads[-1] == 0


async def test_what_is_kept_under_another_stamp_is_read_again_and_takes_no_second_place():
    source = Source()
    shared = Shared(source.read, float("inf"), lambda: 0.0, most=2)

    assert [await shared.get("spring", stamp) for stamp in ("1", "1", "2", "2", "3")] == [1, 1, 2, 2, 3]
    await shared.get("autumn")
    assert await shared.get("spring", "3") == 3


class Found:
    """The catalogue, of one broadcast."""

    def __init__(self, broadcast):
        self._broadcast = broadcast

    async def get(self, account, broadcast_id):
        return self._broadcast


async def test_a_report_is_read_again_only_after_something_has_changed(control, clickhouse):
    control.broadcast(sent_at="2026-09-21T14:13:20Z")
    control.mint([{"contact_id": "c-1", "audience": "vip"}])
    [broadcast] = await clickhouse.rows(in_force(BROADCASTS, "true"), Broadcast)
    now = [0.0]
    watched = Watched(clickhouse, Found(broadcast), Reports(clickhouse), lambda: now[0])
    view, narrowed = View("main", "spring"), View("main", "spring", None, Filters(device="phone"))

    first = await watched.see(view)
    assert (await watched.contacts(view, Page(10, None), "")).items == []
    now[0] += FRESH_S
    assert (await watched.see(view)).report is first.report
    await click(clickhouse, "c-1", device_type="tablet")
    assert (await watched.see(view)).report is first.report  # two seconds are not over

    now[0] += FRESH_S
    later = await watched.see(view)
    assert (first.report.unique_contacts, later.report.unique_contacts) == (0, 1)
    assert (await watched.see(narrowed)).report.unique_contacts == 0
    assert [row.contact_id for row in (await watched.contacts(view, Page(10, None), "")).items] == ["c-1"]
    assert later.broadcast == broadcast
