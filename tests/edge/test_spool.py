import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge.left_behind import left_behind, sweep
from edge.spool import Spool, SpoolFull
from edge.spool_reader import SpoolReader
from records.click import HEADER_BYTES, BadClick, decode_frame, encode_frame, frames_in
from tests.support.frames import CLICK


def frame(first_seq, count=1):
    return encode_frame("edge-1", first_seq, [CLICK] * count)


def filled(tmp_path, counts, **limits):
    spool = Spool.create(tmp_path, 7, **limits)
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


def test_segments_are_freed_when_all_their_clicks_are_settled(tmp_path):
    spool = filled(tmp_path, [1, 1, 1], segment_bytes=1)
    assert len(spool.segments) == 3

    spool.free_up_to(2)

    assert [segment.first_seq for segment in spool.segments] == [3]
    assert SpoolReader(spool).next(1_000_000).first_seq == 3


def test_the_segment_that_is_written_to_is_freed_too_when_it_is_old_and_settled(tmp_path):
    spool = filled(tmp_path, [1, 3])
    reader = SpoolReader(spool)
    assert reader.next(1_000_000).last_seq == 4

    spool.free_up_to(3, life_s=0)
    assert spool.size > 0, "a click of it is not in ClickHouse yet"
    spool.free_up_to(4)
    assert spool.size > 0, "it is young"
    spool.free_up_to(4, life_s=0)
    spool.free_up_to(4, life_s=0)

    assert [path.stat().st_size for path in spool.directory.glob("*.spool")] == [0]
    assert reader.next(1_000_000) is None
    spool.append(frame(5), 5)
    assert (reader.next(1_000_000).first_seq, spool.last_seq) == (5, 5)


def test_a_lane_whose_segments_are_all_freed_remembers_where_it_was(tmp_path):
    spool = filled(tmp_path, [1, 3])
    spool.free_up_to(4, life_s=0)
    spool.close()

    (adopted,) = left_behind(tmp_path)

    assert (adopted.last_seq, adopted.size) == (4, 0)


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


def test_a_lane_without_a_segment_is_adopted_as_an_empty_one(tmp_path):
    Spool.create(tmp_path, 7).close()

    (adopted,) = left_behind(tmp_path)

    assert (adopted.last_seq, adopted.segments) == (0, [])


def test_a_full_disk_refuses_the_frame_and_keeps_the_spool_whole(tmp_path, small_disk):
    spool = Spool.create(small_disk, 7)
    taken = append_until_full(spool)

    with pytest.raises(SpoolFull):
        spool.append(frame(taken + 1), taken + 1)

    spool.close()
    (adopted,) = left_behind(small_disk)
    assert adopted.last_seq == taken > 10
    adopted.close()


def test_a_lane_whose_newest_segment_is_empty_remembers_where_it_was(tmp_path):
    spool = filled(tmp_path, [1, 1, 1], segment_bytes=1)
    spool.free_up_to(2)
    spool.close()
    os.truncate(spool.segments[0].path, 3)

    (adopted,) = left_behind(tmp_path)

    assert adopted.last_seq == 2


def test_a_lane_that_cannot_be_read_does_not_keep_the_others_waiting(tmp_path):
    filled(tmp_path, [1]).close()
    bad = Spool.create(tmp_path, 3)
    (bad.directory / f"{1:020d}.spool").mkdir()
    bad.close()

    assert [spool.lane for spool in left_behind(tmp_path)] == [7]


def test_foreign_files_are_left_alone(tmp_path):
    filled(tmp_path, [1]).close()
    (tmp_path / f"{7:016x}" / "notes.spool").write_text("no click")
    (tmp_path / f"{8:016x}").write_text("no lane")
    (tmp_path / ".new-file").write_text("no lane")
    (tmp_path / "lost+found").mkdir()
    names = sorted(tmp_path.rglob("*"))

    sweep(tmp_path)
    (adopted,) = left_behind(tmp_path)

    assert adopted.last_seq == 1
    assert sorted(tmp_path.rglob("*")) == names


@pytest.mark.parametrize("place", [0, 5, 9, 17, HEADER_BYTES + 3], ids=["length", "crc", "seq", "count", "click"])
def test_clicks_behind_a_flipped_bit_are_kept_and_dead_letters_stand_for_the_lost_ones(tmp_path, place):
    flip(filled(tmp_path, [1, 3, 2]), len(frame(1)) + place)

    (adopted,) = left_behind(tmp_path)

    assert [len(clicks) for clicks in decoded(adopted)] == [1, 3, 2]
    assert [click for clicks in decoded(adopted)[::2] for click in clicks] == [CLICK] * 3
    assert [(one.seq, type(one)) for one in decoded(adopted)[1]] == [(2, BadClick), (3, BadClick), (4, BadClick)]


def test_what_was_found_in_place_of_a_click_is_kept(tmp_path):
    flip(filled(tmp_path, [1, 1, 1]), 2 * len(frame(1)) - 1)

    (adopted,) = left_behind(tmp_path)

    assert CLICK.destination.encode() in decoded(adopted)[1][0].payload


def test_a_segment_cut_short_before_another_is_filled_up_with_dead_letters(tmp_path):
    spool = filled(tmp_path, [2, 3, 2], segment_bytes=1)
    spool.close()
    os.truncate(spool.segments[1].path, 10)

    (adopted,) = left_behind(tmp_path)

    assert [len(clicks) for clicks in decoded(adopted)] == [2, 3, 2]
    assert adopted.last_seq == 7


def test_a_flipped_bit_in_the_last_record_is_a_dead_letter_for_it_was_answered(tmp_path):
    flip(filled(tmp_path, [1, 2]), len(frame(1)) + HEADER_BYTES + 3)

    (adopted,) = left_behind(tmp_path)

    assert [type(one) for one in decoded(adopted)[1]] == [BadClick, BadClick]


def test_a_damaged_lane_is_mended_once(tmp_path):
    flip(filled(tmp_path, [1, 3, 2]), len(frame(1)) + 5)
    (adopted,) = left_behind(tmp_path)
    first = decoded(adopted)
    adopted.close()

    (again,) = left_behind(tmp_path)

    assert decoded(again) == first


def test_a_hole_that_cannot_be_one_is_refused(tmp_path):
    filled(tmp_path, [1]).close()
    (tmp_path / f"{7:016x}" / f"{10**15:020d}.spool").write_bytes(b"")

    assert list(left_behind(tmp_path)) == []


def test_what_a_full_disk_took_of_a_frame_is_taken_back_before_the_next(tmp_path):
    spool = filled(tmp_path, [1])
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(frame(1)) + 10, most))
    try:
        with pytest.raises(SpoolFull):
            spool.append(frame(2), 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    spool.append(frame(2), 2)

    spool.close()
    (adopted,) = left_behind(tmp_path)
    assert [len(clicks) for clicks in decoded(adopted)] == [1, 1]


def flip(spool, offset):
    """A bit of the first segment of a dead process's spool."""
    spool.close()
    data = bytearray(spool.segments[0].path.read_bytes())
    data[offset] ^= 1
    spool.segments[0].path.write_bytes(data)


def decoded(spool):
    """The clicks of each frame, as the aggregator gets them."""
    reader, frames = SpoolReader(spool), []
    while chunk := reader.next(1_000_000):
        frames.extend(decode_frame(frame)[1] for frame in frames_in(chunk.frames))
    return frames


def test_an_ended_lane_leaves_nothing(tmp_path):
    spool = filled(tmp_path, [1])

    spool.remove()

    assert list(tmp_path.iterdir()) == []


def test_lanes_are_made_though_other_edges_that_start_sweep_at_the_same_time(tmp_path):
    made = threading.Event()

    def keep_sweeping():
        while not made.is_set():
            sweep(tmp_path)

    with ThreadPoolExecutor(2) as others:
        sweeping = [others.submit(keep_sweeping) for _ in range(2)]
        try:
            for lane in range(1, 501):
                spool = Spool.create(tmp_path, lane)
                assert spool.directory.is_dir()
                spool.close()
        finally:
            made.set()
        for one in sweeping:
            one.result()
