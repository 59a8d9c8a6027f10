"""A host that is gone with its disk: the ledger says so until somebody closes its lane, with the number in hand."""

import json

import msgspec

from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import LaneReport
from tests.support.aggregator import LANE, Aggregator, add

NAME = lane_name(LANE)


async def test_a_lost_hosts_lane_is_closed_by_naming_what_is_lost(taptrail, redis, clickhouse):
    await redis.hset(LANES, NAME, msgspec.json.encode(LaneReport("edge-1", 12, 12, 9, 1_790_000_000_000)))
    await add(redis, 1, 9)
    aggregator = Aggregator(redis, clickhouse, upkeep_every_s=0)
    await aggregator.move_all()

    shown = await taptrail("ledger")
    assert f"Lane {NAME} of edge-1 has not been heard of since 2026-09-21T14:13:20+00:00: 3 clicks" in shown.stdout
    wrong = await taptrail("close-lane", NAME, "--not-arrived", "2")
    assert (wrong.returncode, wrong.stderr) == (1, f"Error: 3 clicks of lane {NAME} have not arrived, not 2\n")

    closed = await taptrail("close-lane", NAME, "--not-arrived", "3")
    await aggregator.move_all()

    assert closed.returncode == 0, closed.stderr
    assert await redis.hgetall(LANES) == {}
    ledger = json.loads((await taptrail("ledger", "--json")).stdout)
    assert (ledger["inserted"], ledger["lost"], ledger["gap"], ledger["lanes"]) == (9, 3, 0, [])
    assert (await taptrail("audit")).returncode == 0


async def test_a_closed_lane_whose_host_comes_back_is_lost_no_more(taptrail, redis, clickhouse):
    await clickhouse.execute(
        "INSERT INTO lost_clicks (lane, edge_id, answered, arrived, last_seen_at)"
        f" VALUES ({LANE}, 'edge-1', 12, 0, now())"
    )
    await redis.hset(LANES, NAME, msgspec.json.encode(LaneReport("edge-1", 12, 12, 12, 1, ended=True)))
    await add(redis, 1, 12)

    await Aggregator(redis, clickhouse).move_all()

    ledger = json.loads((await taptrail("ledger", "--json")).stdout)
    assert (ledger["inserted"], ledger["lost"], ledger["gap"]) == (12, 0, 0)


async def test_a_lane_that_is_heard_of_or_whose_clicks_are_in_redis_cannot_be_closed(taptrail, redis, clickhouse):
    unknown = await taptrail("close-lane", NAME, "--not-arrived", "0")
    assert unknown.returncode == 1
    await redis.hset(LANES, NAME, msgspec.json.encode(LaneReport("edge-1", 12, 12, 9, 1_790_000_000_000)))
    await redis.hset(WATERMARKS, NAME, 0)
    await add(redis, 1, 9)

    waiting = await taptrail("close-lane", NAME, "--not-arrived", "12")

    assert waiting.returncode == 1
    assert "still in Redis" in waiting.stderr
