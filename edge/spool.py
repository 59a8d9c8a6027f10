"""The lane's spool: clicks on this machine's disk until they are in ClickHouse.

SPOOL_DIR/<lane>/<first seq>.spool are append-only segments of frames (records/click.py). SPOOL_DIR/<lane>/lock is
held (flock) by the process that owns the lane; a lane whose lock is free was left by a dead process.
"""

import errno
import logging
import os
import shutil
import time
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from edge.spool_lock import locked, made
from edge.spool_repair import repaired
from records.click import whole_frames
from records.keys import lane_name

SEGMENT_BYTES = 8 * 1024 * 1024
SEGMENT_LIFE_S = 600.0  # of one that is written to: then what it holds is freed as soon as all of it is in ClickHouse
_SEGMENT_NAME = "[0-9]" * 20 + ".spool"

log = logging.getLogger(__name__)


class SpoolFull(Exception):
    """The disk took nothing: the frame is not in the spool."""


class Segment:
    """One file of the spool: its path, where it starts, how far it is written."""

    def __init__(self, path: Path, first_seq: int, size: int) -> None:
        self.path = path
        self.first_seq = first_seq
        self.size = size
        self.last_seq = first_seq - 1


class Spool:
    """One lane's spool. The lane's own process appends; the process that holds the lock reads and frees."""

    def __init__(self, directory: Path, lane: int, lock: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.lane = lane
        self.last_seq = 0
        self._segment_bytes = segment_bytes
        self._lock = lock
        self._file = -1
        self._is_torn = False  # the last write got through in part
        self._begun_at_s = 0.0  # when the segment was that is written to
        self.segments: list[Segment] = []

    @classmethod
    def create(cls, spool_dir: Path, lane: int, segment_bytes: int = SEGMENT_BYTES) -> "Spool":
        """A new, empty lane, whose segments end at `segment_bytes`. Raises OSError for a directory it cannot write."""
        directory = spool_dir / lane_name(lane)
        new = spool_dir / f".new-{lane_name(lane)}"
        while (lock := made(new)) is None:  # another edge that starts has swept it away
            pass
        new.rename(directory)  # locked before an edge that looks for lanes left behind can see it
        return cls(directory, lane, lock, segment_bytes)

    @classmethod
    def adopt(cls, directory: Path) -> "Spool | None":
        """A dead process's lane, its torn tail cut off; None while its owner lives."""
        lock = locked(directory)
        if lock is None:
            return None
        spool = cls(directory, int(directory.name, 16), lock)
        try:
            paths = sorted(directory.glob(_SEGMENT_NAME))
            starts = [int(path.stem) for path in paths]
            for path, next_seq in zip_longest(paths, starts[1:]):
                spool._read_segment(path, next_seq)
        except BaseException:
            spool.close()
            raise
        return spool

    def append(self, frame: bytes, last_seq: int) -> None:
        """Write one frame, whole or not at all. Raises SpoolFull."""
        segment = self.segments[-1] if self.segments else None
        try:
            if segment is None or segment.size >= self._segment_bytes:
                segment = self._next_segment()
            self._write(segment, frame)
        except OSError as error:
            raise SpoolFull(f"{self.directory}: {error.strerror}") from error
        segment.size += len(frame)
        segment.last_seq = self.last_seq = last_seq

    def free_up_to(self, seq: int, life_s: float = SEGMENT_LIFE_S) -> None:
        """Delete the segments all of whose clicks are in ClickHouse; the one that is written to after life_s."""
        if self._is_written_out(seq) and time.monotonic() - self._begun_at_s >= life_s:
            with suppress(OSError):  # a disk that is full: it stays
                self._next_segment()
        while len(self.segments) > 1 and self.segments[0].last_seq <= seq:
            self.segments.pop(0).path.unlink(missing_ok=True)

    def _is_written_out(self, seq: int) -> bool:
        """Whether the segment that is written to holds clicks, and all of them are in ClickHouse."""
        return self._file >= 0 and self.segments[-1].size > 0 and self.last_seq <= seq and not self._is_torn

    def bytes_between(self, seq: int, last_seq: int) -> int:
        """About how many bytes the clicks after `seq` up to `last_seq` take."""
        between = (segment for segment in self.segments if segment.last_seq > seq and segment.first_seq <= last_seq)
        return sum(segment.size for segment in between)

    @property
    def written_at_s(self) -> float:
        """Unix time: no click that is here was written much before it."""
        return self.segments[0].path.stat().st_mtime if self.segments else time.time()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self.segments)

    def remove(self) -> None:
        """Delete a lane that is over and in ClickHouse as a whole."""
        # Renamed first, in one step: nobody can take the lock of a lane that is half gone.
        over = self.directory.with_name(f".over-{self.directory.name}")
        with suppress(FileNotFoundError):
            self.directory.rename(over)
        shutil.rmtree(over, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Release the lock; what is spooled stays for the process that adopts the lane."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _next_segment(self) -> Segment:
        first_seq = self.last_seq + 1
        path = self.directory / f"{first_seq:020d}.spool"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file = file
        self._begun_at_s = time.monotonic()
        if not self.segments or self.segments[-1].path != path:
            self.segments.append(Segment(path, first_seq, 0))
        return self.segments[-1]

    def _write(self, segment: Segment, frame: bytes) -> None:
        if self._is_torn:
            os.ftruncate(self._file, segment.size)
            self._is_torn = False
        written = os.write(self._file, frame)
        if written != len(frame):  # the disk is full: what got through is taken back before the next frame
            self._is_torn = True
            raise OSError(errno.ENOSPC, "no space left for a whole frame")

    def _read_segment(self, path: Path, next_seq: int | None) -> None:
        segment = Segment(path, int(path.stem), 0)
        self.last_seq = max(self.last_seq, segment.last_seq)  # what lay before it was freed
        found = path.read_bytes()
        data = repaired(found, segment.first_seq, next_seq)
        if not found.startswith(data):
            log.error(
                "spool_damaged: dead letters stand for the clicks that cannot be read", extra={"segment": str(path)}
            )
            _replace(path, data)
        elif data != found:
            os.truncate(path, len(data))
        segment.size, _, last_seq = whole_frames(data)
        if segment.size:
            segment.last_seq = self.last_seq = last_seq
            self.segments.append(segment)


def _replace(path: Path, data: bytes) -> None:
    """In one step: a crash in between leaves the damaged segment."""
    whole = path.with_suffix(".repaired")
    whole.write_bytes(data)
    with whole.open("rb") as file:
        os.fsync(file.fileno())
    whole.rename(path)
