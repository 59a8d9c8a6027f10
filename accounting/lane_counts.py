"""What the tables hold of one lane, and whether that is right: `missing` and `doubled` are defined here alone. Pure."""

from collections.abc import Mapping

import msgspec


class LaneExtent(msgspec.Struct, frozen=True):
    """A lane as the projection per_lane sums it up, without a row being read."""

    lane: int
    rows: int = 0
    first: int = 0
    last: int = 0
    dead: int = 0  # rows that are dead letters


class LaneCounts(msgspec.Struct, frozen=True):
    """A lane counted seq by seq."""

    lane: int
    click_rows: int = 0
    dead_rows: int = 0
    clicks: int = 0  # different seqs, as the next three
    dead: int = 0
    either: int = 0
    arrived: int = 0  # up to the one that is due
    last_seq: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """Counts of clicks; both 0: the tables hold each click that is due once."""

    missing: int
    doubled: int


def judge(counts: LaneCounts, due: int) -> Verdict:
    """missing: due, and in neither table. doubled: rows beyond the first of their seq, in both tables together.

    Dead letters stand for their clicks.
    """
    return Verdict(max(due - counts.arrived, 0), counts.click_rows + counts.dead_rows - counts.either)


def due_seq(lane: int, under_way: Mapping[int, int], last_seq: int) -> int:
    """Up to which seq every click of a lane has to be in a table.

    under_way: lane -> watermark; what lies beyond it is on its way. Other lanes are over, or Redis has lost them: they
    are due up to last_seq, the highest seq known of them.
    """
    return under_way.get(lane, last_seq)


def is_dense(extent: LaneExtent, due: int, doubled: int = 0) -> bool:
    """Whether a lane has as many different clicks as its last seq, going by its sums and the doubled rows known of.

    A click missing and another doubled that is not known of look the same.
    """
    return extent.first <= 1 and extent.rows - doubled == extent.last >= due


def counted(extent: LaneExtent, due: int, doubled: int = 0) -> LaneCounts:
    """The counts of a dense lane; its doubled rows are taken for clicks, not dead letters."""
    clicks = extent.last - extent.dead
    return LaneCounts(
        extent.lane, clicks + doubled, extent.dead, clicks, extent.dead, extent.last, min(due, extent.last), extent.last
    )
