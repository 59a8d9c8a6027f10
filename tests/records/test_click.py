import msgspec
from hypothesis import given
from hypothesis import strategies as st

from records.click import BadClick, BrokenFrame, Frame, decode_frame, encode_frame, frames_in, whole_frames
from tests.support.frames import CLICK, GOLDEN


def test_frames_written_by_the_first_version_are_still_read():
    (frame,) = frames_in(GOLDEN)

    assert decode_frame(frame) == ("edge-1", [CLICK])


def test_a_click_keeps_why_its_visitor_was_sent_elsewhere():
    refused = msgspec.structs.replace(CLICK, refusal="expired")
    (frame,) = frames_in(encode_frame("edge-1", 1, [refused, CLICK]))

    assert decode_frame(frame) == ("edge-1", [refused, CLICK])


def test_a_click_keeps_which_version_of_its_destination_it_was_sent_to():
    fixed = msgspec.structs.replace(CLICK, destination_version=2)
    (frame,) = frames_in(encode_frame("edge-1", 1, [fixed]))

    assert decode_frame(frame) == ("edge-1", [fixed])


def test_a_click_keeps_the_marks_of_its_query():
    marked = msgspec.structs.replace(CLICK, query_marks={"gclid": "y"})
    (frame,) = frames_in(encode_frame("edge-1", 1, [marked, CLICK]))

    assert decode_frame(frame) == ("edge-1", [marked, CLICK])


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_frames_behind_each_other_are_read_back(sizes):
    data, seq = b"", 1
    for size in sizes:
        data += encode_frame("edge-1", seq, [CLICK] * size)
        seq += size

    frames = list(frames_in(data))

    assert [frame.count for frame in frames] == sizes
    assert frames[-1].last_seq == seq - 1
    assert whole_frames(data) == (len(data), 1, seq - 1)


@given(st.integers(0, 10_000))
def test_a_frame_cut_anywhere_is_broken_and_nothing_before_it_is(cut):
    first, second = encode_frame("edge-1", 1, [CLICK]), encode_frame("edge-1", 2, [CLICK, CLICK])
    data = first + second[: 1 + cut % (len(second) - 1)]

    good, broken = frames_in(data)

    assert isinstance(good, Frame)
    assert broken == BrokenFrame(len(first), broken.reason)
    assert whole_frames(data) == (len(first), 1, 1)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place, change):
    data = bytearray(encode_frame("edge-1", 1, [CLICK]))
    data[place % len(data)] ^= change

    assert not any(isinstance(frame, Frame) for frame in frames_in(bytes(data)))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data):
    for frame in frames_in(data):
        if isinstance(frame, Frame):
            decode_frame(frame)


def test_a_click_that_does_not_decode_is_set_apart_and_the_others_stay():
    frame_of = encode_frame("edge-1", 5, [CLICK, msgspec.structs.replace(CLICK, link_id="not a number"), CLICK])
    (frame,) = frames_in(frame_of)

    _, clicks = decode_frame(frame)

    assert clicks[0] == clicks[2] == CLICK
    assert isinstance(clicks[1], BadClick)
    assert clicks[1].seq == 6
    assert "int" in clicks[1].reason


def test_a_click_keeps_how_its_visitor_came():
    scanned = msgspec.structs.replace(CLICK, via="qr")
    (frame,) = frames_in(encode_frame("edge-1", 1, [scanned, CLICK]))

    assert decode_frame(frame) == ("edge-1", [scanned, CLICK])
