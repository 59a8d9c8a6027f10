import pytest

from accounting.lane_counts import LaneCounts, LaneExtent, Verdict, counted, due_seq, is_dense, judge


def counts(seqs, *, dead=(), due=2**64 - 1):
    """As the tables would count these rows."""
    different = {*seqs, *dead}
    arrived = sum(1 for seq in different if seq <= due)
    last_seq = max(different, default=0)
    return LaneCounts(7, len(seqs), len(dead), len({*seqs}), len({*dead}), len(different), arrived, last_seq)


def extent(seqs, *, dead=()):
    rows = [*seqs, *dead]
    return LaneExtent(7, len(rows), min(rows), max(rows), len(dead))


@pytest.mark.parametrize(
    ("seqs", "dead", "due", "missing", "doubled"),
    [
        ([1, 2, 3], [], 3, 0, 0),
        ([1, 3], [], 3, 1, 0),
        ([1, 3], [2], 3, 0, 0),
        ([1, 2, 2, 3], [], 3, 0, 1),
        ([1, 2, 3], [2], 3, 0, 1),
        ([1, 1, 3], [], 3, 1, 1),
        ([1, 2, 5], [], 2, 0, 0),
        ([1, 2, 5, 5], [], 2, 0, 1),
        ([], [], 3, 3, 0),
    ],
)
def test_a_click_is_missing_where_it_is_due_and_doubled_wherever_it_lies(seqs, dead, due, missing, doubled):
    assert judge(counts(seqs, dead=dead, due=due), due) == Verdict(missing, doubled)


def test_a_lane_under_way_is_due_up_to_its_watermark_and_every_other_up_to_its_last_seq():
    assert due_seq(7, {7: 3}, last_seq=9) == 3
    assert due_seq(7, {7: 0}, last_seq=9) == 0
    assert due_seq(7, {8: 3}, last_seq=9) == 9


@pytest.mark.parametrize(("seqs", "dead"), [([1, 2, 3], []), ([1, 3], [2])])
def test_the_sums_of_a_dense_lane_stand_for_its_counts(seqs, dead):
    lane = extent(seqs, dead=dead)

    assert is_dense(lane, due=2)
    assert counted(lane, due=2) == counts(seqs, dead=dead, due=2)


def test_a_lane_with_known_doubled_rows_is_dense_without_them():
    lane = extent([1, 2, 2, 3])

    assert not is_dense(lane, due=3)
    assert is_dense(lane, due=3, doubled=1)
    assert counted(lane, due=3, doubled=1) == counts([1, 2, 2, 3], due=3)


@pytest.mark.parametrize(("seqs", "due"), [([1, 3], 3), ([2, 3], 3), ([1, 2, 3], 4), ([2, 2], 2)])
def test_a_lane_that_begins_late_has_holes_or_ends_before_it_is_due_is_not_dense(seqs, due):
    assert not is_dense(extent(seqs), due)
