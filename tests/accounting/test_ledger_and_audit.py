"""Ledger and audit give one answer where they ask one question: what is missing and what is doubled."""

import msgspec
import pytest

from accounting.audit import read_audit
from accounting.ledger import read_ledger
from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import LaneReport

NAME = lane_name(7)


@pytest.mark.parametrize("count_all_up_to", [0, 1_000])
@pytest.mark.parametrize(
    ("registered", "watermark", "seqs", "ended_at", "missing", "doubled"),
    [
        (True, 5, [1, 2, 3, 4, 5, 8], None, 0, 0),
        (True, 5, [1, 2, 4, 5], None, 1, 0),
        (True, 5, [1, 2, 2, 3, 4, 5], None, 0, 1),
        (True, None, [1, 3], None, 0, 0),
        (False, 3, [], None, 3, 0),
        (False, 5, [1, 2, 4, 5, 8], None, 1, 0),
        (False, None, [1, 2, 4], None, 1, 0),
        (False, None, [1, 2], 3, 1, 0),
        (False, None, [1, 2, 3, 5], 3, 1, 0),
    ],
)
async def test_both_find_the_same(
    redis, clickhouse, registered, watermark, seqs, ended_at, missing, doubled, count_all_up_to
):
    if registered:
        await redis.hset(LANES, NAME, msgspec.json.encode(LaneReport("edge-1", 9, 9, 9, 0)))
    if watermark is not None:
        await redis.hset(WATERMARKS, NAME, watermark)
    for seq in seqs:
        await clickhouse.execute(f"INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, {seq}, now())")
    if ended_at:
        await clickhouse.execute(f"INSERT INTO taptrail_internal.ended_lanes VALUES (7, 'edge-1', {ended_at}, now())")

    audit = await read_audit(redis, clickhouse, hours=24)
    ledger = await read_ledger(redis, clickhouse, count_all_up_to)

    assert (audit.missing, audit.doubled) == (missing, doubled)
    assert ledger.gap == missing + doubled


async def test_a_ledger_of_a_large_table_takes_a_doubled_click_for_a_missing_one(redis, clickhouse):
    await redis.hset(WATERMARKS, NAME, 3)
    await clickhouse.execute(
        "INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, 1, now()), (7, 1, now()), (7, 3, now())"
    )

    audit = await read_audit(redis, clickhouse, hours=24)

    assert (audit.missing, audit.doubled) == (1, 1)
    assert (await read_ledger(redis, clickhouse)).gap == 2
    assert (await read_ledger(redis, clickhouse, count_all_up_to=0)).gap == 0


async def test_a_lane_whose_state_cannot_be_read_is_judged_by_its_rows(redis, clickhouse):
    await redis.hset(LANES, NAME, b"not a state")
    await clickhouse.execute("INSERT INTO clicks (lane, seq, clicked_at) VALUES (7, 1, now()), (7, 3, now())")

    audit, ledger = await read_audit(redis, clickhouse, hours=24), await read_ledger(redis, clickhouse)

    assert audit.missing == ledger.gap == 1
