import msgspec

from accounting.click_tables import EndedLane
from accounting.lane_counts import LaneCounts
from accounting.ledger import Books, ledger_of, read_ledger
from accounting.under_way import UnderWay
from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import LaneReport


def state(answered, spooled, shipped, ended=False, unrecorded=0):
    return LaneReport("edge-1", answered, spooled, shipped, 0, ended, unrecorded)


def counts(clicks, arrived, *, dead=0, doubled=0, last_seq=None):
    return LaneCounts(7, clicks + doubled, dead, clicks, dead, clicks + dead, arrived, last_seq or clicks + dead)


def ledger(reported=None, watermark=None, in_tables=None, ended_at=None, lost=None, now_ms=0):
    """Of lane 7 alone."""
    return ledger_of(
        Books(
            UnderWay({7: reported} if reported else {}, {} if watermark is None else {7: watermark}),
            {7: in_tables} if in_tables else {},
            {7: EndedLane(7, "edge-1", ended_at)} if ended_at else {},
            {7: lost} if lost else {},
            now_ms,
        )
    )


def adds_up(found):
    return (
        found.answered == found.spooled == found.shipped + found.waiting
        and found.shipped == found.inserted + found.dead + found.pending
    )


def test_clicks_on_their_way_are_no_gap():
    found = ledger(state(100, 100, 90), watermark=80, in_tables=counts(79, 80, dead=1))

    assert (found.waiting, found.pending, found.inserted, found.dead, found.gap) == (10, 10, 79, 1, 0)
    assert adds_up(found)


def test_rows_may_arrive_before_the_edge_reports_that_it_sent_them():
    found = ledger(state(100, 100, 90), watermark=100, in_tables=counts(120, 100))

    assert (found.answered, found.shipped, found.inserted, found.gap) == (120, 120, 120, 0)
    assert adds_up(found)


def test_a_click_that_is_missing_below_the_watermark_is_a_gap():
    found = ledger(state(100, 100, 100), watermark=90, in_tables=counts(89, 89, last_seq=90))

    assert (found.gap, found.lanes[0].missing, found.pending) == (1, 1, 10)


def test_a_doubled_click_is_a_gap_also_when_another_is_missing():
    found = ledger(state(100, 100, 100), watermark=100, in_tables=counts(99, 99, doubled=1, last_seq=100))

    assert (found.lanes[0].missing, found.lanes[0].doubled, found.gap) == (1, 1, 2)


def test_an_ended_lane_is_whole_in_the_tables():
    assert ledger(in_tables=counts(50, 50), ended_at=50).gap == 0
    assert ledger(in_tables=counts(49, 49), ended_at=50).gap == 1
    assert ledger(ended_at=50).gap == 50


def test_an_ended_lane_whose_spool_lost_answers_is_a_gap():
    assert ledger(state(103, 100, 100, ended=True), watermark=100, in_tables=counts(100, 100)).gap == 3


def test_clicks_that_wait_in_memory_for_the_disk_are_no_gap_and_waiting():
    found = ledger(state(300, 280, 280), watermark=280, in_tables=counts(280, 280))

    assert (found.answered, found.spooled, found.waiting, found.gap) == (300, 280, 20, 0)


def test_clicks_that_a_live_lane_could_not_record_are_a_gap_at_once():
    found = ledger(state(300, 270, 270, unrecorded=20), watermark=270, in_tables=counts(275, 270))

    assert (found.answered, found.shipped, found.waiting, found.unrecorded, found.gap) == (300, 275, 5, 20, 20)
    assert found.answered == found.shipped + found.waiting + found.unrecorded


def test_clicks_that_were_not_recorded_will_not_arrive_from_a_silent_lane_either():
    lane = LaneReport("edge-1", 300, 280, 280, 1, unrecorded=20)

    found = ledger(lane, watermark=270, in_tables=counts(270, 270), now_ms=3_600_000)

    assert (found.not_arrived, found.gap) == (10, 20)


def test_a_lane_that_redis_forgot_is_judged_by_its_rows():
    assert ledger(in_tables=counts(50, 50)).gap == 0
    assert ledger(in_tables=counts(48, 48, last_seq=50)).gap == 2


async def insert(clickhouse, lane, seqs):
    rows = [
        {"lane": lane, "seq": seq, "click_id": "0190a000-0000-7000-8000-000000000000", "clicked_at": "1790000000.000"}
        for seq in seqs
    ]
    await clickhouse.insert_rows("clicks", rows)


async def test_the_ledger_counts_what_the_stores_hold(redis, clickhouse):
    await redis.hset(LANES, lane_name(7), msgspec.json.encode(state(12, 12, 11)))
    await redis.hset(WATERMARKS, lane_name(7), 10)
    await insert(clickhouse, 7, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    await clickhouse.insert_rows("dead_clicks", [{"lane": 7, "seq": 10, "reason": "odd", "received_at": "1790000000"}])
    await insert(clickhouse, 2**64 - 1, [1, 2, 3])
    await clickhouse.insert_rows(
        "taptrail_internal.ended_lanes", [{"lane": 2**64 - 1, "edge_id": "e", "last_seq": 3, "ended_at": "1790000000"}]
    )

    found = await read_ledger(redis, clickhouse)
    assert (found.answered, found.waiting, found.inserted, found.dead, found.pending) == (15, 1, 12, 1, 1)
    assert found.gap == 0
    assert adds_up(found)

    await insert(clickhouse, 7, [9])
    await redis.hset(WATERMARKS, lane_name(7), 11)
    found = await read_ledger(redis, clickhouse)
    assert found.gap == 2


async def test_a_lane_whose_state_cannot_be_read_is_judged_by_its_rows(redis, clickhouse):
    await redis.hset(LANES, lane_name(7), b"not a state")
    await insert(clickhouse, 7, [1, 2, 4])

    assert (await read_ledger(redis, clickhouse)).gap == 1


async def test_many_clicks_are_counted_by_lane_and_only_doubtful_lanes_seq_by_seq(redis, clickhouse):
    await insert(clickhouse, 1, range(1, 11))
    await insert(clickhouse, 2, [1, 2, 4])
    await redis.hset(LANES, lane_name(1), msgspec.json.encode(state(10, 10, 10)))
    await redis.hset(WATERMARKS, lane_name(1), 10)

    found = await read_ledger(redis, clickhouse, count_all_up_to=0)

    assert [(lane.inserted, lane.missing, lane.gap) for lane in found.lanes] == [(3, 1, 1), (10, 0, 0)]


def test_lanes_that_are_over_and_whole_are_in_the_sums_only():
    ended = {lane: EndedLane(lane, "edge-1", 5) for lane in range(5_000)}
    in_tables = {lane: LaneCounts(lane, 5, 0, 5, 0, 5, 5, 5) for lane in range(5_000)}

    found = ledger_of(Books(UnderWay({9_999: state(3, 3, 3)}, {}), in_tables, ended))

    assert [lane.lane for lane in found.lanes] == [lane_name(9_999)]
    assert (found.lanes_whole, found.inserted, found.gap) == (5_000, 25_000, 0)


def test_a_lane_whose_edge_is_silent_says_since_when_and_how_many_clicks_have_not_arrived():
    last_seen_ms = 1_790_000_000_000
    lane = LaneReport("edge-1", 12, 12, 10, last_seen_ms)

    def ledger_at(now_ms):
        return ledger(lane, watermark=9, in_tables=counts(9, 9), now_ms=now_ms)

    assert ledger_at(last_seen_ms + 5_000).silent_lanes == 0
    found = ledger_at(last_seen_ms + 3_600_000)
    assert (found.silent_lanes, found.not_arrived, found.gap) == (1, 3, 0)
    assert found.lanes[0].silent_since == "2026-09-21T14:13:20+00:00"


def test_clicks_of_a_closed_lane_are_lost_until_they_come_after_all():
    def lost(arrived):
        return ledger(in_tables=counts(arrived, arrived), ended_at=arrived, lost=12).lost

    assert (lost(9), lost(12)) == (3, 0)


async def test_entries_among_the_lanes_that_no_edge_wrote_are_left_alone(redis, clickhouse):
    written = msgspec.json.encode(state(0, 0, 0))
    for name in ("notes", "", "-1", "0x12", "1" * 17, b"\xff" * 16):
        await redis.hset(LANES, name, written)
        await redis.hset(WATERMARKS, name, 3)
    await redis.hset(WATERMARKS, lane_name(7), "junk")
    await redis.hset(LANES, lane_name(7), written)

    found = await read_ledger(redis, clickhouse)

    assert ([lane.lane for lane in found.lanes], found.gap) == ([lane_name(7)], 0)
