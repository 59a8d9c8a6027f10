"""What an edge process remembers of links and what stands behind them, and until when it may be believed. No I/O."""

from collections.abc import Callable
from typing import Any

from edge.block_memory import MAX_BLOCK_BYTES, BlockMemory
from edge.issued_ids import IssuedIds
from edge.record_memory import CAPACITY, CachedRecord, RecordMemory
from records.broadcast import Broadcast
from records.domain import Domain
from records.keys import BLOCK_BITS, AllocatedKey, BroadcastKey, DomainKey, ErasedKey, SlugKey, parse_key
from records.link import Link


class LinkMemory(RecordMemory[int, Link]):
    """Links that had to be walked for; those that Redis answers at once are in blocks."""

    def __init__(self, blocks: BlockMemory) -> None:
        super().__init__(CAPACITY, changes=False)
        self._blocks = blocks

    def known(self, link_id: int, now_s: float) -> Link | None:
        """What may be believed at now_s."""
        entry = self.fresh(link_id, now_s)
        return None if entry is None else entry.value

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
