"""The lock of a spool's directory: held by the process that owns the lane, free once that process is dead."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


def made(new: Path) -> int | None:
    """A new directory, locked; None where a sweep of another edge was faster."""
    with suppress(FileExistsError):
        new.mkdir(parents=True)
    return locked(new)


def locked(directory: Path) -> int | None:
    """The descriptor that holds the lock; None while another process holds it, or where it has gone."""
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
