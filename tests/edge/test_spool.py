import os

import pytest

from edge.spool import Spool, SpoolFull, left_behind
from edge.spool_reader import SpoolReader
from records.click import encode_frame
from tests.records.test_click import CLICK


def frame(first_seq, count=1):
    return encode_frame("edge-1", first_seq, [CLICK] * count)


def filled(tmp_path, counts):
    spool = Spool.create(tmp_path, 7)
    seq = 1
    for count in counts:
        spool.append(frame(seq, count), seq + count - 1)
        seq += count
    return spool


def append_until_full(spool):
    seq = 0
    try:
        while True:
            spool.append(frame(seq + 1), seq + 1)
            seq += 1
    except SpoolFull:
        return seq


def test_frames_are_read_in_order_and_whole(tmp_path):
    spool = filled(tmp_path, [1, 3, 2])
    reader = SpoolReader(spool)

    one, rest = reader.next(max_bytes=1), reader.next(max_bytes=1_000_000)

    assert (one.first_seq, one.last_seq) == (1, 1)
    assert (rest.first_seq, rest.last_seq) == (2, 6)
    assert reader.next(1_000_000) is None


def test_reading_goes_on_behind_any_seq(tmp_path):
    reader = SpoolReader(filled(tmp_path, [1, 3, 2]))

    reader.rewind(4)

    assert reader.next(1_000_000).first_seq == 5


def test_what_is_appended_later_is_read_later(tmp_path):
    spool = filled(tmp_path, [1])
    reader = SpoolReader(spool)
    reader.next(1_000_000)

    spool.append(frame(2), 2)

    assert reader.next(1_000_000).last_seq == 2


def test_segments_are_freed_when_all_their_clicks_are_settled(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.spool.SEGMENT_BYTES", 1)
    spool = filled(tmp_path, [1, 1, 1])
    assert len(spool.segments) == 3

    spool.free_up_to(2)

    assert [segment.first_seq for segment in spool.segments] == [3]
    assert SpoolReader(spool).next(1_000_000).first_seq == 3


def test_a_lane_is_adopted_only_when_its_process_is_dead(tmp_path):
    spool = filled(tmp_path, [1, 3])
    assert list(left_behind(tmp_path)) == []

    spool.close()

    (adopted,) = left_behind(tmp_path)
    assert adopted.lane == 7
    assert adopted.last_seq == 4
    assert SpoolReader(adopted).next(1_000_000).last_seq == 4


def test_a_torn_last_record_is_cut_off(tmp_path):
    spool = filled(tmp_path, [1, 3])
    spool.close()
    path = spool.segments[0].path
    os.truncate(path, path.stat().st_size - 5)

    (adopted,) = left_behind(tmp_path)

    assert adopted.last_seq == 1
    assert path.stat().st_size == len(frame(1))


def test_a_segment_torn_in_its_first_record_is_empty(tmp_path):
    spool = filled(tmp_path, [1])
    spool.close()
    os.truncate(spool.segments[0].path, 3)

    (adopted,) = left_behind(tmp_path)

    assert adopted.last_seq == 0
    assert SpoolReader(adopted).next(100) is None


def test_a_full_disk_refuses_the_frame_and_keeps_the_spool_whole(tmp_path, small_disk):
    spool = Spool.create(small_disk, 7)
    taken = append_until_full(spool)

    with pytest.raises(SpoolFull):
        spool.append(frame(taken + 1), taken + 1)

    spool.close()
    (adopted,) = left_behind(small_disk)
    assert adopted.last_seq == taken > 10
    adopted.close()


def test_a_lane_whose_newest_segment_is_empty_remembers_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("edge.spool.SEGMENT_BYTES", 1)
    spool = filled(tmp_path, [1, 1, 1])
    spool.free_up_to(2)
    spool.close()
    os.truncate(spool.segments[0].path, 3)

    (adopted,) = left_behind(tmp_path)

    assert adopted.last_seq == 2


def test_a_lane_that_cannot_be_read_does_not_keep_the_others_waiting(tmp_path):
    filled(tmp_path, [1]).close()
    bad = Spool.create(tmp_path, 3)
    (bad.directory / "not-a-number.spool").write_bytes(b"")
    bad.close()

    assert [spool.lane for spool in left_behind(tmp_path)] == [7]


def test_an_ended_lane_leaves_nothing(tmp_path):
    spool = filled(tmp_path, [1])

    spool.remove()

    assert list(tmp_path.iterdir()) == []
