"""Repairs a damaged segment: what can be read stays, dead letters replace the clicks that cannot. Pure."""

from records.click import HEADER_BYTES, BrokenFrame, Frame, claimed_by, encode_lost, frame_at, frames_in

MOST_LOST = 1_000_000  # clicks in one hole; a larger one is not damage, but a foreign file
_KEPT_BYTES = 64 * 1024  # of what was found in place of a frame
_CLICKS_OF_A_TICK = 10_000
# No lane comes to 2^32 clicks: the upper half of every first seq is four zero bytes, which are quickly found.
_ZEROS, _ZEROS_AT = bytes(4), HEADER_BYTES - 8


def repaired(data: bytes, first_seq: int, next_seq: int | None) -> bytes:
    """The same segment, every click of it in a whole frame. next_seq: where the next segment begins; None for the last.

    A frame cut short at the end of the last segment goes: it was torn by a crash and its visitors were never answered.
    Raises ValueError for a hole that cannot be one.
    """
    parts, offset, seq = [], 0, first_seq - 1
    while True:
        start = offset
        offset, seq = _readable(data, offset, seq)
        parts.append(data[start:offset])
        if offset == len(data) and (next_seq is None or seq + 1 >= next_seq):
            return b"".join(parts)
        start, (offset, last_lost) = offset, _next_readable(data, offset, seq, next_seq)
        if last_lost - seq > MOST_LOST:
            raise ValueError(f"{last_lost - seq} clicks are missing after {seq}")
        if last_lost > seq:
            parts.append(encode_lost(seq + 1, last_lost - seq, data[start:offset][:_KEPT_BYTES]))
            seq = last_lost


def _readable(data: bytes, offset: int, seq: int) -> tuple[int, int]:
    for frame in frames_in(data, offset):
        if isinstance(frame, BrokenFrame) or frame.first_seq != seq + 1:
            break
        offset, seq = frame.end, frame.last_seq
    return offset, seq


def _next_readable(data: bytes, offset: int, seq: int, next_seq: int | None) -> tuple[int, int]:
    """(where the next whole frame begins, or the end of data; last seq before it)."""
    claimed_seq, count, end = claimed_by(data, offset)
    is_whole = claimed_seq == seq + 1 and 0 < count <= _CLICKS_OF_A_TICK and end <= len(data)
    if is_whole and isinstance(frame := frame_at(data, end), Frame) and frame.first_seq > seq:
        return end, frame.first_seq - 1
    zeros = data.find(_ZEROS, offset + 1 + _ZEROS_AT)
    while zeros >= 0:
        frame = frame_at(data, zeros - _ZEROS_AT)
        if isinstance(frame, Frame) and frame.first_seq > seq:
            return zeros - _ZEROS_AT, frame.first_seq - 1
        zeros = data.find(_ZEROS, zeros + 1)
    if next_seq is not None:
        return len(data), next_seq - 1
    return len(data), seq + count if is_whole else seq
