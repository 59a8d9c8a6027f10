"""What an edge process remembers of links and what stands behind them, and until when it may be believed. No I/O."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from math import inf
from typing import Any, Generic, TypeVar

import msgspec

from edge.block_memory import MAX_BLOCK_BYTES, BlockMemory
from edge.issued_ids import IssuedIds
from edge.record_size import size_of
from records.broadcast import Broadcast
from records.domain import Domain
from records.keys import BLOCK_BITS, AllocatedKey, BroadcastKey, DomainKey, ErasedKey, SlugKey, parse_key
from records.link import Link

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


class LinkMemory(RecordMemory[int, Link]):
    """Links that had to be walked for; those that Redis answers at once are in blocks."""

    def known(self, link_id: int, now_s: float) -> Link | None:
        """What may be believed at now_s."""
        entry = self.fresh(link_id, now_s)
        return None if entry is None else entry.value

    def __init__(self, blocks: BlockMemory) -> None:
        super().__init__(CAPACITY, changes=False)
        self._blocks = blocks

    def last_known(self, key: int) -> CachedRecord[Link] | None:
        known = super().last_known(key)
        if known is None and (link := self._blocks.last_known(key)) is not None:
            known = CachedRecord(link, 0.0)
            self._hold(key, known)
        return known


class EdgeMemory:
    """Everything that an edge remembers of Redis; the KeyListener that hears of changes. now: a steady clock."""

    def __init__(self, now: Callable[[], float], block_bytes: int = MAX_BLOCK_BYTES) -> None:
        self._now = now
        self.domains: RecordMemory[str, Domain] = RecordMemory(CAPACITY)
        self.broadcasts: RecordMemory[int, Broadcast] = RecordMemory(CAPACITY)
        self.slugs: RecordMemory[tuple[str, str], int] = RecordMemory(CAPACITY)
        self.folded_slugs: RecordMemory[tuple[str, str], int] = RecordMemory(CAPACITY)
        self.blocks = BlockMemory(block_bytes)
        self.links = LinkMemory(self.blocks)
        self.issued = IssuedIds()

    def connected(self) -> None:
        self.issued.connected()
        self.blocks.connected()
        for records in self._kinds():
            records.connected()

    def lost(self) -> None:
        self.issued.lost()
        for records in self._kinds():
            records.lost(self._now())

    def flushed(self) -> None:
        self.issued.flushed()
        for records in self._kinds():
            records.flushed()

    def changed(self, keys: list[str]) -> None:
        for key in keys:
            match parse_key(key):
                case AllocatedKey():
                    self.issued.changed()
                case BroadcastKey(number):
                    self.broadcasts.forget(number)
                case DomainKey(short_domain):
                    self.domains.forget(short_domain)
                case ErasedKey(link_id):
                    self.links.erase(link_id)
                    self.blocks.drop(link_id >> BLOCK_BITS)
                case SlugKey(short_domain, slug):
                    self.slugs.forget((short_domain, slug))
                    self.folded_slugs.forget((short_domain, slug.lower()))

    def _kinds(self) -> tuple[RecordMemory[Any, Any], ...]:
        return self.domains, self.broadcasts, self.slugs, self.folded_slugs, self.links
