"""What fuzzing has found, each as the rule that was broken."""

import zlib
from struct import pack

import pytest

from aggregator.decode import Entry, Span, decode
from edge.spool import Spool
from edge.spool_reader import SpoolDamaged, SpoolReader
from records.click import BadClick, BrokenFrame, decode_frame, encode_frame, frames_in
from tests.fuzz.targets import with_right_checksums
from tests.support.edge import cache, destination
from tests.support.frames import CLICK
from tests.support.links import put_record

ONE, TWO = encode_frame("edge-1", 1, [CLICK]), encode_frame("edge-1", 2, [CLICK, CLICK])


def entry(last_seq, frames):
    return Entry(7, last_seq, frames)


@pytest.mark.parametrize("offset", [ONE.index(b"edge-1"), ONE.index(b"spring")])
def test_text_that_is_not_utf8_is_a_bad_click_and_stops_nobody(offset):
    broken = bytearray(ONE)
    broken[offset] = 0x80

    (frame,) = frames_in(with_right_checksums(bytes(broken)))

    _, (click,) = decode_frame(frame)
    assert isinstance(click, BadClick)


def test_arrays_within_arrays_without_end_are_a_bad_click():
    payload = b"\x92\xa1e\x91" + b"\x91" * 100_000
    crc = zlib.crc32(payload, zlib.crc32(pack("<QI", 1, 1)))

    (frame,) = frames_in(pack("<IIQI", len(payload), crc, 1, 1) + payload)

    assert isinstance(decode_frame(frame)[1][0], BadClick)


def test_a_frame_cannot_claim_more_clicks_than_its_bytes_can_hold():
    crc = zlib.crc32(b"\x92\xa1e\x90", zlib.crc32(pack("<QI", 1, 2**32 - 1)))

    (broken,) = frames_in(pack("<IIQI", 4, crc, 1, 2**32 - 1) + b"\x92\xa1e\x90")

    assert isinstance(broken, BrokenFrame)


def test_a_frame_that_comes_twice_counts_once():
    batch = decode([entry(1, ONE), entry(3, ONE + TWO)], {7: 0})

    assert [click.seq for click in batch.clicks] == [1, 2, 3]
    assert batch.dead == []


def test_a_frame_behind_the_id_of_its_entry_is_out_of_place():
    batch = decode([entry(2, ONE + TWO)], {7: 0})

    assert [click.seq for click in batch.clicks] == [1]
    assert [dead.seq for dead in batch.dead] == [2]
    assert "out of place" in batch.dead[0].reason


def test_frames_with_a_hole_between_them_leave_dead_letters_for_it():
    batch = decode([entry(4, ONE + encode_frame("edge-1", 3, [CLICK, CLICK]))], {7: 0})

    assert [click.seq for click in batch.clicks] == [1]
    assert [dead.seq for dead in batch.dead] == [2, 3, 4]
    assert batch.spans == [Span(7, 1, 4)]


@pytest.mark.parametrize("left", [b"", ONE[:30], TWO, b"\xff" * len(ONE)])
def test_a_spool_file_that_was_damaged_behind_its_reader_is_told_and_not_read_for_ever(tmp_path, left):
    spool = Spool.create(tmp_path, 7)
    spool.append(ONE, 1)
    reader = SpoolReader(spool)
    spool.segments[0].path.write_bytes(left)

    with pytest.raises(SpoolDamaged):
        reader.next(100)


async def test_a_link_in_redis_that_is_not_utf8_comes_from_clickhouse_and_disturbs_no_other(redis, clickhouse, edge):
    await put_record(redis, 5, b"\x94\x01\x00\x01\xa1\x80")

    assert edge.tap(5) == destination(5)
    await cache(redis)
    assert edge.tap(6) == destination(6)
