"""Sixty-four neighbouring links as one value of Redis, so made that one link is cut out of it alone. Pure.

| bytes | what |
|---|---|
| 2 | how many bytes all records begin with: they stand once, behind the index |
| 65 x 2 | the index: where the rest of each record begins, by place, and where the last one ends; u16, little-endian |
| shared | what all records begin with |
| ... | the rest of each record, at least one byte; none where there is no link |

A record is what encode_link() wrote. One of more than MAX_RECORD bytes has no room here (link_writes.py).
"""

from collections.abc import Mapping
from itertools import accumulate
from struct import Struct
from struct import error as StructError  # noqa: N812 - the module's own name for it says nothing

import msgspec

from records.keys import BLOCK_SIZE, PLACE_MASK
from records.link import Link, decode_link

MAX_RECORD = 512  # bytes; with BLOCK_SIZE of them every place is a u16
_INDEX = Struct(f"<H{BLOCK_SIZE + 1}H")
_SHARED = _INDEX.size
# (shared, start, end) of each place: one call for a tap.
_entries = [Struct(f"<H{2 * place}xHH").unpack_from for place in range(BLOCK_SIZE)]


def make_block(records: Mapping[int, bytes]) -> bytes:
    """records: by place, one at least, each of 1 to MAX_RECORD bytes. The same records make the same bytes."""
    each = records.values()
    shared = _alike(min(each), max(each), min(map(len, each)) - 1)
    rests = [records[place][shared:] if place in records else b"" for place in range(BLOCK_SIZE)]
    starts = accumulate(map(len, rests), initial=_SHARED + shared)
    return b"".join((_INDEX.pack(shared, *starts), next(iter(each))[:shared], *rests))


def _alike(first: bytes, last: bytes, most: int) -> int:
    """How many bytes both begin with, and so all that sort between them."""
    for place in range(most):
        if first[place] != last[place]:
            return place
    return most


def link_in(block: bytes, link_id: int) -> Link | None:
    """One link of its block; None if it is not there, or the bytes are no link's. On the path of every tap."""
    try:
        shared, start, end = _entries[link_id & PLACE_MASK](block)
        return decode_link(block[_SHARED : _SHARED + shared] + block[start:end]) if start < end else None
    except (StructError, msgspec.DecodeError, ValueError):  # ValueError: not UTF-8
        return None
