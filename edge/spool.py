"""The lane's spool: clicks on this machine's disk until they are in ClickHouse.

SPOOL_DIR/<lane>/<first seq>.spool are append-only segments of frames (records/click.py). SPOOL_DIR/<lane>/lock is
held (flock) by the process that owns the lane; a lane whose lock is free was left by a dead process.
"""

import errno
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from edge.spool_repair import repaired
from records.click import whole_frames
from records.keys import lane_name

SEGMENT_BYTES = 8 * 1024 * 1024
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
    """One lane's spool. Appending is for the process whose lane it is; reading and freeing for whoever holds it."""

    def __init__(self, directory: Path, lane: int, lock: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.lane = lane
        self.last_seq = 0
        self._segment_bytes = segment_bytes
        self._lock = lock
        self._file = -1
        self._is_torn = False  # the last write got through in part
        self.segments: list[Segment] = []

    @classmethod
    def create(cls, spool_dir: Path, lane: int, segment_bytes: int = SEGMENT_BYTES) -> "Spool":
        """A new, empty lane, whose segments end at `segment_bytes`. Raises OSError for a directory it cannot write."""
        directory = spool_dir / lane_name(lane)
        new = spool_dir / f".new-{lane_name(lane)}"
        while (lock := _made(new)) is None:  # an edge that starts as well has swept it away
            pass
        new.rename(directory)  # locked before anybody who looks for lanes left behind can see it
        return cls(directory, lane, lock, segment_bytes)

    @classmethod
    def adopt(cls, directory: Path) -> "Spool | None":
        """A dead process's lane, its torn tail cut off; None while its owner lives."""
        lock = _locked(directory)
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

    def free_up_to(self, seq: int) -> None:
        """Delete the segments all of whose clicks are in ClickHouse; the one that is written to stays."""
        while len(self.segments) > 1 and self.segments[0].last_seq <= seq:
            self.segments.pop(0).path.unlink(missing_ok=True)

    def bytes_between(self, seq: int, last_seq: int) -> int:
        """About how many bytes the clicks behind `seq` up to `last_seq` take."""
        return sum(one.size for one in self.segments if one.last_seq > seq and one.first_seq <= last_seq)

    @property
    def written_at_s(self) -> float:
        """Unix time: no click that is here was written much before it."""
        return self.segments[0].path.stat().st_mtime if self.segments else time.time()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self.segments)

    def remove(self) -> None:
        """The lane is over and wholly in ClickHouse."""
        # Renamed first, in one step: nobody can take the lock of a lane that is half gone.
        over = self.directory.with_name(f".over-{self.directory.name}")
        with suppress(FileNotFoundError):
            self.directory.rename(over)
        shutil.rmtree(over, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go of the lane; what is spooled stays for whoever adopts it."""
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
            log.error("a spool is damaged, dead letters stand for its lost clicks", extra={"segment": str(path)})
            _replace(path, data)
        elif data != found:
            os.truncate(path, len(data))
        segment.size, _, last_seq = whole_frames(data)
        if segment.size:
            segment.last_seq = self.last_seq = last_seq
            self.segments.append(segment)


def _made(new: Path) -> int | None:
    with suppress(FileExistsError):
        new.mkdir(parents=True)
    return _locked(new)


def left_behind(spool_dir: Path) -> Iterator[Spool]:
    """The lanes of dead processes in this directory, adopted."""
    if not spool_dir.is_dir():
        return
    for directory in sorted(spool_dir.iterdir()):
        if not directory.is_dir() or not _is_lane(directory.name):
            continue
        try:
            spool = Spool.adopt(directory)
        except (OSError, ValueError) as error:  # one lane that cannot be read must not keep the others here
            log.error("a lane left behind cannot be read", extra={"directory": str(directory), "error": str(error)})
            continue
        if spool is not None:
            yield spool


def sweep(spool_dir: Path) -> None:
    """Remove what a crash left of lanes that were just made or just over; they hold no click that is needed."""
    for directory in [*spool_dir.glob(".new-*/"), *spool_dir.glob(".over-*/")]:
        lock = _locked(directory)
        if lock is not None:
            shutil.rmtree(directory, ignore_errors=True)
            os.close(lock)


def _replace(path: Path, data: bytes) -> None:
    """In one step: a crash in between leaves the damaged segment."""
    whole = path.with_suffix(".repaired")
    whole.write_bytes(data)
    with whole.open("rb") as file:
        os.fsync(file.fileno())
    whole.rename(path)


def _is_lane(name: str) -> bool:
    try:
        return len(name) == 16 and int(name, 16) >= 0
    except ValueError:
        return False


def _locked(directory: Path) -> int | None:
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:  # removed by its owner in this very moment
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    if os.fstat(lock).st_nlink == 0 or not directory.exists():  # its owner removed the lane between open and flock
        os.close(lock)
        return None
    return lock
