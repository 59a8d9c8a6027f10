"""Records of one kind in an edge's memory, and until when each may be believed. No I/O."""

import asyncio
from collections import OrderedDict
from math import inf
from typing import Generic, TypeVar

import msgspec

from edge.record_size import size_of

K = TypeVar("K")
V = TypeVar("V")

CAPACITY = 20_000  # records of each kind
MAX_BYTES = 16 * 1024 * 1024  # of each kind; those that are in use, and so read again every 30 s, are the last to go
ENTRY_BYTES = 256  # about what an entry takes beside its key and value
FRESH_S = 30.0  # upper bound of staleness if an invalidation is missed
FRESH_UNTRACKED_S = 0.5  # while no invalidation can arrive: a change must be in force within a second
UNKNOWN_S = 2.0  # how long "there is no such record" is believed


class CachedRecord(msgspec.Struct, Generic[V], gc=False):
    value: V | None  # None: there is no such record
    fresh_until_s: float


class RecordMemory(Generic[K, V]):
    """Records of one kind, by key. `capacity` bounds how many there are, `max_bytes` what those that were weighed take
    together; the oldest entry makes room.

    changes: False for records that change so seldom that they are believed without end while changes are heard of, and
    while there is no connection. Times are of one steady clock.
    """

    def __init__(self, capacity: int, *, max_bytes: int = MAX_BYTES, changes: bool = True) -> None:
        self._capacity, self._max_bytes, self._changes = capacity, max_bytes, changes
        self._is_tracked = False  # changes are heard of
        self.entries: dict[K, CachedRecord[V]] = {}
        # Keys in the order in which they came, round and round. The dict knows that order too, but to find its oldest
        # entry it passes over all that were ever removed: 8 us a tap once it is full.
        self._order: list[K | None] = [None] * capacity
        self._oldest = 0
        self._sizes: OrderedDict[K, int] = OrderedDict()  # of what was weighed, the one that was read last is the last
        self.held_bytes = 0  # the sum of them
        # A change takes a load out: it may have read the old record. Limited prefixes wait for loads of their own.
        self.loading: dict[K, asyncio.Task[V | None]] = {}
        self.loading_limited: dict[K, asyncio.Task[V | None]] = {}

    def fresh(self, key: K, now_s: float) -> CachedRecord[V] | None:
        """What may be believed at now_s; a CachedRecord of None for "there is no such record"."""
        entry = self.entries.get(key)
        if entry is None or entry.fresh_until_s <= now_s:
            return None
        return entry

    def last_known(self, key: K) -> CachedRecord[V] | None:
        """The record, which may be old; None where there is none."""
        entry = self.entries.get(key)
        return None if entry is None or entry.value is None else entry

    def keep_weighed(self, key: K, value: V | None, now_s: float) -> None:
        """Remember a record of any size; other large ones make room for it. The newest always stays."""
        if key not in self.entries:
            self._unweigh(self._order[self._oldest])  # it makes room
        self.keep(key, value, now_s)
        self._unweigh(key)
        self._sizes[key] = size = ENTRY_BYTES + size_of(key) + size_of(value)
        self.held_bytes += size
        while self.held_bytes > self._max_bytes and len(self._sizes) > 1:
            oldest, size = self._sizes.popitem(last=False)
            self.held_bytes -= size
            self.entries.pop(oldest, None)

    def _unweigh(self, key: K | None) -> None:
        self.held_bytes -= self._sizes.pop(key, 0)  # type: ignore[arg-type]

    def keep(self, key: K, value: V | None, now_s: float) -> None:
        """Remember what was just read and is small."""
        fresh_until_s = inf
        if value is None or self._changes:
            longest_s = UNKNOWN_S if value is None else FRESH_S
            fresh_until_s = now_s + (longest_s if self._is_tracked else FRESH_UNTRACKED_S)
        self._hold(key, CachedRecord(value, fresh_until_s))

    def _hold(self, key: K, entry: CachedRecord[V]) -> None:
        entries, index = self.entries, self._oldest
        if key not in entries:
            entries.pop(self._order[index], None)  # type: ignore[arg-type]
            self._order[index] = key
            self._oldest = index + 1 if index + 1 < self._capacity else 0
        entries[key] = entry

    def forget(self, key: K) -> None:
        """The record changed."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.fresh_until_s = 0.0
        self.loading.pop(key, None)
        self.loading_limited.pop(key, None)

    def erase(self, key: K) -> None:
        """The record is not to be known any more, not even while no store answers."""
        self.entries.pop(key, None)  # its key stays in the order until it is the oldest
        self._unweigh(key)
        self.loading.pop(key, None)
        self.loading_limited.pop(key, None)

    def connected(self) -> None:
        """Whatever changed before is read again, now that there is something to read."""
        self._is_tracked = True
        self.flushed()
        for entry in self.entries.values():
            entry.fresh_until_s = 0.0

    def flushed(self) -> None:
        """Every record may have changed; values stay for when no store answers."""
        self.loading.clear()
        self.loading_limited.clear()
        for key, entry in list(self.entries.items()):
            if entry.value is None:
                del self.entries[key]  # its key stays in the order until it is the oldest
            elif self._changes:
                entry.fresh_until_s = 0.0

    def lost(self, now_s: float) -> None:
        """Changes may have been missed for as long as the loss went unnoticed: ask again immediately."""
        self._is_tracked = False
        for entry in self.entries.values():
            if self._changes or entry.value is None:
                entry.fresh_until_s = min(entry.fresh_until_s, now_s)
