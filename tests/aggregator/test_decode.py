import msgspec
import pytest

from aggregator.decode import Entry, Span, decode
from records.click import encode_frame
from tests.support.frames import CLICK


def entry(last_seq, frames, lane=7):
    return Entry(lane, last_seq, frames)


def test_an_entry_may_carry_many_frames():
    frames = encode_frame("edge-1", 1, [CLICK]) + encode_frame("edge-1", 2, [CLICK, CLICK])

    batch = decode([entry(3, frames)], {7: 0})

    assert [click.seq for click in batch.clicks] == [1, 2, 3]
    assert batch.spans == [Span(7, 1, 3)]
    assert batch.dead == []


def test_an_entry_of_junk_stands_for_the_clicks_since_the_one_before():
    batch = decode([entry(2, encode_frame("edge-1", 1, [CLICK] * 2)), entry(4, b"junk")], {7: 0})

    assert [(dead.seq, dead.payload) for dead in batch.dead] == [(3, b"junk"), (4, b"")]
    assert "header" in batch.dead[0].reason
    assert batch.spans[1] == Span(7, 3, 4)


def test_an_entry_without_frames_is_set_aside():
    batch = decode([entry(1, None)], {7: 0})

    assert [(dead.seq, dead.reason) for dead in batch.dead] == [(1, "the entry has no frames")]


def test_what_stands_before_a_broken_frame_is_kept():
    frames = encode_frame("edge-1", 1, [CLICK]) + b"\x00" * 40

    batch = decode([entry(3, frames)], {7: 0})

    assert [click.seq for click in batch.clicks] == [1]
    assert [dead.seq for dead in batch.dead] == [2, 3]


def test_an_entry_id_far_ahead_is_one_dead_letter_and_no_gap_of_millions():
    batch = decode([entry(1_790_000_000_000, b"junk")], {7: 12})

    assert [dead.seq for dead in batch.dead] == [1_790_000_000_000]
    assert batch.spans == [Span(7, 1_790_000_000_000, 1_790_000_000_000)]


def test_one_bad_click_does_not_take_its_neighbours_with_it():
    frames = encode_frame("edge-1", 1, [CLICK, msgspec.structs.replace(CLICK, status="?"), CLICK])

    batch = decode([entry(3, frames)], {7: 0})

    assert [click.seq for click in batch.clicks] == [1, 3]
    assert [dead.seq for dead in batch.dead] == [2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"click_id": b"short"}, "click_id"),
        ({"sealed_address": bytes(17)}, "sealed_address"),
        ({"clicked_at_ms": -1}, "clicked_at_ms"),
        ({"clicked_at_ms": 2**63}, "clicked_at_ms"),
        ({"link_id": -1}, "link_id"),
        ({"broadcast_no": -1}, "broadcast_no"),
        ({"destination_index": 65_536}, "destination_index"),
        ({"destination_version": 2**32}, "destination_version"),
        ({"status": -5}, "status"),
    ],
)
def test_a_click_no_row_can_hold_is_set_aside_and_its_neighbours_stay(changes, reason):
    misfit = msgspec.structs.replace(CLICK, **changes)

    batch = decode([entry(3, encode_frame("edge-1", 1, [CLICK, misfit, CLICK]))], {7: 0})

    assert [click.seq for click in batch.clicks] == [1, 3]
    assert [dead.seq for dead in batch.dead] == [2]
    assert f"`{reason}`" in batch.dead[0].reason
    assert batch.dead[0].payload == msgspec.msgpack.encode(misfit)
