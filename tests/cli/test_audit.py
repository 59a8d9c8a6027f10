"""`taptrail audit`: each row that is missing or doubled is told, and what is on its way is not."""

import json

import msgspec
import pytest

from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import LaneReport


@pytest.fixture
def insert(clickhouse):
    async def insert(lane, seqs):
        rows = [{"lane": lane, "seq": seq, "clicked_at": "2026-01-01 00:00:00"} for seq in seqs]
        await clickhouse.insert_rows("clicks", rows)

    return insert


async def audited(taptrail, *options):
    done = await taptrail("audit", "--json", *options)
    answer = json.loads(done.stdout)
    return done.returncode, answer["lanes"], answer["missing"], answer["doubled"], answer["unprojected"]


async def test_clicks_on_their_way_are_no_fault(taptrail, redis, insert):
    await redis.hset(LANES, lane_name(7), msgspec.json.encode(LaneReport("edge-1", 20, 20, 20, 0)))
    await redis.hset(WATERMARKS, lane_name(7), 5)
    await insert(7, [1, 2, 3, 4, 5, 9])

    assert await audited(taptrail) == (0, 1, 0, 0, 0)


async def test_a_hole_below_the_watermark_is_a_missing_click(taptrail, redis, insert):
    await redis.hset(WATERMARKS, lane_name(7), 9)
    await insert(7, [1, 2, 4, 5, 6, 7, 8, 9])

    assert await audited(taptrail) == (1, 1, 1, 0, 0)


async def test_a_lane_of_which_nothing_arrived_is_missing_up_to_its_watermark(taptrail, redis):
    await redis.hset(WATERMARKS, lane_name(7), 3)

    assert await audited(taptrail) == (1, 1, 3, 0, 0)


async def test_a_lane_that_ended_is_whole_up_to_its_last_click(taptrail, clickhouse, insert):
    await insert(7, [1, 2])
    await clickhouse.execute("INSERT INTO taptrail_internal.ended_lanes VALUES (7, 'edge-1', 3, now())")

    assert await audited(taptrail) == (1, 1, 1, 0, 0)


async def test_a_doubled_click_does_not_hide_a_missing_one(taptrail, redis, clickhouse):
    await redis.hset(WATERMARKS, lane_name(7), 4)
    await clickhouse.execute(
        "INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, 1, now()), (7, 2, now()), (7, 2, now()), (7, 4, now())"
    )

    assert await audited(taptrail) == (1, 1, 1, 1, 0)
    shown = (await taptrail("audit")).stdout
    assert lane_name(7) in shown
    assert "1 missing, 1 doubled" in shown


@pytest.mark.parametrize("beyond", [0, 2])
async def test_doubled_clicks_of_a_living_lane_are_told_however_old_they_are(taptrail, redis, insert, beyond):
    """The rows are months old. Some of them may lie beyond the watermark."""
    await redis.hset(WATERMARKS, lane_name(7), 10 - beyond)
    await insert(7, range(1, 11))
    await insert(7, range(6, 11))

    assert await audited(taptrail, "--hours", "1") == (1, 1, 0, 5, 0)


async def test_an_old_doubled_click_does_not_hide_a_missing_one_that_is_young(taptrail, redis, clickhouse, insert):
    await redis.hset(WATERMARKS, lane_name(7), 5)
    await insert(7, [1, 1, 1, 2])
    await clickhouse.execute("INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, 4, now()), (7, 5, now())")

    assert await audited(taptrail, "--hours", "1") == (1, 1, 1, 2, 0)


async def test_a_dead_letter_stands_for_its_click(taptrail, redis, clickhouse, insert):
    await redis.hset(WATERMARKS, lane_name(7), 3)
    await insert(7, [1, 3])
    await clickhouse.execute("INSERT INTO dead_clicks (lane, seq, received_at) VALUES (7, 2, now())")

    assert await audited(taptrail) == (0, 1, 0, 0, 0)


async def test_lanes_without_a_click_in_those_hours_are_not_counted(taptrail, insert):
    await insert(7, [1, 3])

    assert (await audited(taptrail, "--hours", "1"))[:3] == (0, 0, 0)


async def test_only_lanes_with_a_fault_are_shown(taptrail, clickhouse, redis):
    await clickhouse.execute("INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, 1, now()), (8, 2, now())")

    shown = (await taptrail("audit")).stdout

    assert lane_name(8) in shown
    assert lane_name(7) not in shown


async def test_hours_that_are_none_are_refused(taptrail):
    done = await taptrail("audit", "--hours", "0")

    assert done.returncode == 1
    assert "hours" in done.stderr
