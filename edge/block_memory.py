"""Blocks of links that an edge process holds: what Redis said of them, the same for all their links. No I/O."""

from records.keys import BLOCK_BITS
from records.link import Link
from records.link_block import link_in

MAX_BLOCK_BYTES = 64 * 1024 * 1024
ENTRY_BYTES = 160  # what a block takes beside its bytes: headers of value and number, its share of a dict that grows
STEP_BYTES = 128 * 1024  # of a step; less where the whole memory is small

Blocks = dict[int, bytes]


class BlockMemory:
    """Blocks by number, of max_bytes together. A link that a block has changes in no other way than that it is erased;
    one that it has not may be there by now.

    Two generations, each of half the bytes: what is read or tapped is in the young one, and where that is full, it is
    the old one from then on. What is left of the old one before, because nobody tapped it since, makes room: not at
    once, which would be 30 ms in which no tap is answered, but in steps, while the young one fills its first half. So
    nothing is noted for a tap.
    """

    def __init__(self, max_bytes: int = MAX_BLOCK_BYTES) -> None:
        self._half_bytes = max_bytes // 2
        self._step_bytes = min(STEP_BYTES, self._half_bytes // 8)
        self._next_step_bytes = 0  # of the young ones: there is something to do then
        self._young: Blocks = {}
        self._old: Blocks = {}
        self._leaving: Blocks = {}
        self._young_bytes = self._old_bytes = self._leaving_bytes = 0
        self._is_old_believed = True  # False: they were read on a connection that was lost since
        self.evicted = 0  # blocks that made room

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._leaving)

    @property
    def held_bytes(self) -> int:
        return self._young_bytes + self._old_bytes + self._leaving_bytes

    def link(self, link_id: int) -> Link | None:
        """The link as it is now; None where it is not in a block that is held and believed."""
        number = link_id >> BLOCK_BITS
        block = self._young.get(number)
        if block is None:
            block = self._old.get(number)
            if block is None or not self._is_old_believed:
                return None
            self.keep(number, block)
        return link_in(block, link_id)

    def last_known(self, link_id: int) -> Link | None:
        """The link as it was when it was read last."""
        number = link_id >> BLOCK_BITS
        block = self._young.get(number) or self._old.get(number)
        return None if block is None else link_in(block, link_id)

    def keep(self, number: int, block: bytes) -> None:
        """Hold what was just read or tapped."""
        young = self._young
        if number in young or number in self._old:
            self.drop(number)
        young[number] = block
        self._young_bytes += len(block) + ENTRY_BYTES
        if self._young_bytes > self._next_step_bytes:
            self._step(number)

    def drop(self, number: int) -> None:
        """Not even while no store answers is anything of it to be known."""
        block = self._young.pop(number, None)
        if block is not None:
            self._young_bytes -= len(block) + ENTRY_BYTES
            return
        block = self._old.pop(number, None)
        if block is not None:
            self._old_bytes -= len(block) + ENTRY_BYTES

    def connected(self) -> None:
        """Links may have been erased in the meantime: all blocks are read again, and known until they are."""
        if self._old_bytes + self._young_bytes <= self._half_bytes:
            self._old.update(self._young)
            self._old_bytes += self._young_bytes
        elif self._young_bytes >= self._old_bytes:
            self._old, self._old_bytes = self._young, self._young_bytes
        self._leaving, self._leaving_bytes = {}, 0
        self._young, self._young_bytes, self._next_step_bytes = {}, 0, 0
        self._is_old_believed = False

    def _step(self, newest: int) -> None:
        if self._young_bytes > self._half_bytes:
            self._age(newest)
        self._next_step_bytes = min(self._young_bytes + self._step_bytes, self._half_bytes)
        while self._leaving and self._leaving_bytes > self._half_bytes - 2 * self._next_step_bytes:
            _, block = self._leaving.popitem()
            self._leaving_bytes -= len(block) + ENTRY_BYTES

    def _age(self, newest: int) -> None:
        """The young generation would be too large with its newest block, which begins the next one."""
        block = self._young[newest]
        self.drop(newest)
        size = len(block) + ENTRY_BYTES
        if size > self._half_bytes:
            return
        self.evicted += len(self._old)
        self._leaving, self._leaving_bytes = self._old, self._old_bytes
        self._old, self._old_bytes, self._is_old_believed = self._young, self._young_bytes, True
        self._young, self._young_bytes = {newest: block}, size
