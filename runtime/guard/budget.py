"""What all connections of a process hold together, and which of them gives way when that is too much."""

from itertools import islice
from typing import Protocol

MIB = 1024 * 1024
# Heads that are half read, fields and bodies of requests in work, requests that wait, answers that are not read.
MAX_HELD_MIB = 48

_ASKED = 64  # holders that are looked at to find one to which no answer is owed


class Holder(Protocol):
    held_bytes: int

    @property
    def is_idle(self) -> bool:
        """Whether no answer is owed."""

    def let_go(self) -> None:
        """End it immediately."""


class Budget:
    """The connection that has stood still for the longest gives way, rather one that only sends than one that waits."""

    def __init__(self, max_bytes: int = MAX_HELD_MIB * MIB) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0
        self._holders: dict[Holder, None] = {}  # the one that moved last is the last

    def allow(self, mib: int) -> None:
        """The bound from now on."""
        self._max_bytes = mib * MIB

    def change(self, holder: Holder, more_bytes: int) -> None:
        """The holder holds so many bytes more, or less."""
        holder.held_bytes += more_bytes
        self.held_bytes += more_bytes
        self._holders.pop(holder, None)
        if holder.held_bytes:
            self._holders[holder] = None
        while self.held_bytes > self._max_bytes and self._holders:
            self._let_go_of_one()

    def _let_go_of_one(self) -> None:
        one = next((old for old in islice(self._holders, _ASKED) if old.is_idle), next(iter(self._holders)))
        del self._holders[one]
        self.held_bytes -= one.held_bytes
        one.held_bytes = 0
        one.let_go()


OF_PROCESS = Budget()  # all ports of a process share its memory; __main__ gives it the bound of its settings
