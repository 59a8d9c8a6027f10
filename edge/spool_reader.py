"""Reads a spool from front to back, whole frames at a time, and again from any seq."""

import os

import msgspec

from edge.spool import Segment, Spool
from records.click import HEADER_BYTES, Frame, frames_in, whole_frames


class Chunk(msgspec.Struct, frozen=True):
    """Whole frames that follow one another: what one stream entry carries."""

    frames: bytes
    first_seq: int
    last_seq: int


class SpoolDamaged(OSError):
    """A file no longer holds what it held when it was written or adopted."""


class SpoolReader:
    """A cursor in a spool. The frames it gives were checked when they were written or adopted.

    Reading raises OSError, SpoolDamaged among them.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._segment: Segment | None = None
        self._offset = 0
        self.seq = 0  # of the last click given

    def rewind(self, seq: int) -> None:
        """Go on with the first frame that holds a click after `seq`."""
        self.seq = seq
        self._segment, self._offset = None, 0

    def next(self, max_bytes: int) -> Chunk | None:
        """The next frames, about max_bytes of them and at least one; None when all have been given."""
        if self.seq >= self._spool.last_seq:
            return None
        if self._segment is None or self._offset >= self._segment.size:
            self._enter_segment()
        if self._segment is None:
            return None
        data = self._read(self._segment, max_bytes)
        size, first_seq, last_seq = whole_frames(data)
        if first_seq == 0:  # one frame larger than max_bytes
            data = self._read(self._segment, size)
            size, first_seq, last_seq = whole_frames(data)
        if not 0 < first_seq <= last_seq or last_seq <= self.seq:
            raise SpoolDamaged(f"{self._segment.path} has no frame after seq {self.seq} at byte {self._offset}")
        self._offset += size
        self.seq = last_seq
        return Chunk(data[:size], first_seq, last_seq)

    def _enter_segment(self) -> None:
        self._segment = next((segment for segment in self._spool.segments if segment.last_seq > self.seq), None)
        self._offset = 0
        if self._segment is not None and self._segment.first_seq <= self.seq:
            self._offset = self._offset_after(self._segment, self.seq)

    def _offset_after(self, segment: Segment, seq: int) -> int:
        end = 0
        for frame in frames_in(self._read(segment, segment.size)):
            if not isinstance(frame, Frame) or frame.last_seq > seq:
                break
            end = frame.end
        return end

    def _read(self, segment: Segment, max_bytes: int) -> bytes:
        file = os.open(segment.path, os.O_RDONLY)
        try:
            return os.pread(file, min(max(max_bytes, HEADER_BYTES), segment.size - self._offset), self._offset)
        finally:
            os.close(file)
