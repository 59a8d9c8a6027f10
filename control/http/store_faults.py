"""What a store, or the disk of this process, that does not do its part means for a caller: a problem that names it."""

import errno

from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from control.http.problems import Problem
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable

# Codes of ClickHouse (src/Common/ErrorCodes.cpp).
_NO_SPACE = frozenset({243})  # NOT_ENOUGH_SPACE
_OVERLOADED = frozenset({
    159,  # TIMEOUT_EXCEEDED
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    209, 210,  # SOCKET_TIMEOUT, NETWORK_ERROR
    241,  # MEMORY_LIMIT_EXCEEDED
    252,  # TOO_MANY_PARTS
})  # fmt: skip
_READ_ONLY = frozenset({164, 242})  # READONLY, TABLE_IS_READ_ONLY
_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_LATER_S = 5


def of_clickhouse(error: ClickHouseRefused) -> Problem | None:
    """None for a statement that is wrong by itself, which is a fault of this service."""
    # An error of a disk below ClickHouse reaches it as one of the library, with the system's own words.
    if error.code in _NO_SPACE or "No space left on device" in str(error):
        return _full("ClickHouse has no space left on its disk")
    if error.code in _OVERLOADED:
        return _unavailable(f"ClickHouse has too much to do (its error {error.code})")
    if error.code in _READ_ONLY:
        return _unavailable("ClickHouse takes no changes, it is read-only")
    return None


def of_redis(error: RedisError) -> Problem:
    if isinstance(error, OutOfMemoryError):
        return _full("Redis has no memory left")
    if isinstance(error, ReadOnlyError):
        return _unavailable("Redis takes no changes, it is a replica")
    if isinstance(error, ResponseError) and str(error).startswith("MISCONF"):
        return _full("Redis cannot write to its disk, and takes no changes")
    return _unavailable("Redis cannot be reached")


def of_disk(error: OSError) -> Problem | None:
    """Of the folder for temporary files, where a large body is kept while it is read. None for any other fault."""
    if error.errno in _DISK_IS_FULL:
        return _full("the folder for temporary files (TMPDIR) of the control process is full")
    return None


def of_store(error: Exception) -> Problem | None:
    match error:
        case ClickHouseRefused():
            return of_clickhouse(error)
        case ClickHouseUnreachable():
            return _unavailable("ClickHouse cannot be reached")
        case RedisError():
            return of_redis(error)
        case OSError():
            return of_disk(error)
    return None


def _unavailable(what: str) -> Problem:
    return Problem("unavailable", f"{what}; try again", retry_after_s=_LATER_S)


def _full(what: str) -> Problem:
    return Problem("storage-full", f"{what}; try again when it was given more", retry_after_s=60)
