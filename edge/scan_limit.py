"""Tells who asks for many names that were never issued: a leaky bucket for every address prefix, in fixed memory."""

import os
from array import array

from siphashc import siphash

from records.address import prefix_of

ROWS, WIDTH = 4, 1 << 13  # 256 KiB whatever happens
BURST_S = 60.0  # so many seconds' worth may come at once


class ScanLimit:
    """A count-min sketch (Cormode and Muthukrishnan, 2005) whose cells leak, by GCRA: each is a time.

    Nothing is ever evicted, so that an attacker cannot reset their count by flooding from other addresses; a flood can
    only make strangers look like scanners, for as long as it lasts. The cells of a prefix are keyed by each process for
    itself.
    """

    def __init__(self, per_minute: int) -> None:
        self._interval_s = 60.0 / per_minute
        self._key = os.urandom(16)
        self._cells = array("d", bytes(8 * ROWS * WIDTH))  # when a bucket will have leaked empty

    def is_over(self, address: bytes, now_s: float) -> bool:
        """Whether the next unknown name of this prefix is one too many. address: 16 bytes; now_s: any steady clock."""
        return self._empty_at(self._indexes_of(address), now_s) - now_s >= BURST_S

    def count(self, address: bytes, now_s: float) -> bool:
        """Count a visit of an unknown name; False where it is one too many, which is not counted."""
        indexes = self._indexes_of(address)
        empty_at = self._empty_at(indexes, now_s)
        if empty_at - now_s >= BURST_S:
            return False
        empty_at += self._interval_s
        for index in indexes:
            # Cells that others have filled further stay as they are: the smallest one is the truest.
            self._cells[index] = max(self._cells[index], empty_at)
        return True

    def _empty_at(self, indexes: list[int], now_s: float) -> float:
        return max(now_s, min([self._cells[index] for index in indexes]))

    def _indexes_of(self, address: bytes) -> list[int]:
        hashed = siphash(self._key, prefix_of(address))
        return [row * WIDTH + (hashed >> (16 * row) & (WIDTH - 1)) for row in range(ROWS)]
