"""The clicks of a batch as edges saw them, by columns. Pure.

A click as an object is 2.6 KB in two dozen pieces, and a batch has forty thousand of them: each look at each of them
would be a look into memory that no cache holds. So clicks are taken apart some hundreds at a time, as soon as they are
decoded, and let go.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import pyarrow as pa

from aggregator.days import day_of
from aggregator.grouped import Grouped, Grouping
from records.click import Click
from visitors.evidence import Headers

if TYPE_CHECKING:
    Column = pa.Array[Any]

AT_ONCE = 128  # clicks, some 300 KB: less than a core's second cache holds
OWN_TEXTS = ("code", "contact_id", "destination")  # hardly a value repeats
OF_BROADCAST = (
    *("account", "short_domain", "broadcast_id", "broadcast_no", "audience", "keyword", "source"),
    *("destination_index", "destination_version", "status", "refusal", "via"),
)
ID_BYTES = 16  # of click_id and sealed_address
_all_headers = attrgetter(*Headers.__struct_fields__, "accept_language", "referrer")
_broadcast_of = attrgetter(*OF_BROADCAST)


class Identity(NamedTuple):
    """(lane, seq) of a click."""

    lane: int
    seq: int


@dataclass(frozen=True, eq=False)
class Clicks(Sequence[Identity]):
    """A sequence of identities, with what belongs to each."""

    lanes: "array[int]"  # type code Q, as the next two
    seqs: "array[int]"
    link_ids: "array[int]"
    clicked_at_ms: "array[int]"  # type code q
    click_ids: bytes  # ID_BYTES each, as the next
    sealed_addresses: bytes
    edge_ids: Grouped[str]
    headers: Grouped[Click]  # of each group a click with these headers
    broadcasts: Grouped[Click]  # of each group a click with these OF_BROADCAST
    texts: dict[str, "Column"]  # OWN_TEXTS
    query_marks: list[dict[str, str] | None]

    def __len__(self) -> int:
        return len(self.seqs)

    def __iter__(self) -> Iterator[Identity]:
        return map(Identity, self.lanes, self.seqs)

    @overload
    def __getitem__(self, at: int) -> Identity: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Identity]: ...

    def __getitem__(self, at: int | slice) -> Identity | Sequence[Identity]:
        if isinstance(at, slice):
            return [*map(Identity, self.lanes[at], self.seqs[at])]
        return Identity(self.lanes[at], self.seqs[at])

    def days(self) -> set[int]:
        """The days on which they were clicked."""
        if len(self) and day_of(min(self.clicked_at_ms)) == day_of(max(self.clicked_at_ms)):  # nearly always
            return {day_of(self.clicked_at_ms[0])}
        return set(map(day_of, self.clicked_at_ms))

    def only(self, wanted: Collection[tuple[int, int]]) -> "Clicks":
        """Those with these (lane, seq)."""
        return self.at([*compress(count(), map(wanted.__contains__, zip(self.lanes, self.seqs, strict=True)))])

    def without(self, unwanted: Collection[tuple[int, int]]) -> "Clicks":
        return self.only({*zip(self.lanes, self.seqs, strict=True)}.difference(unwanted))

    def at(self, indexes: Sequence[int]) -> "Clicks":
        """Those at these places. Nothing of the others is kept."""

        def picked(numbers: "array[int]") -> "array[int]":
            return array(numbers.typecode, map(numbers.__getitem__, indexes))

        def cut(joined: bytes) -> bytes:
            return b"".join(joined[index * ID_BYTES : (index + 1) * ID_BYTES] for index in indexes)

        places = pa.array(indexes, pa.int32())
        return Clicks(
            picked(self.lanes), picked(self.seqs), picked(self.link_ids), picked(self.clicked_at_ms),
            cut(self.click_ids), cut(self.sealed_addresses),
            self.edge_ids.at(indexes), self.headers.at(indexes), self.broadcasts.at(indexes),
            {name: column.take(places) for name, column in self.texts.items()},
            [self.query_marks[index] for index in indexes],
        )  # fmt: skip


class Gathering:
    """Takes clicks apart."""

    def __init__(self) -> None:
        self._held: list[Click] = []
        self._lanes, self._seqs, self._link_ids, self._clicked_at_ms = (array(code) for code in "QQQq")
        self._click_ids, self._sealed_addresses = bytearray(), bytearray()
        self._edge_ids: Grouping[str] = Grouping()
        self._headers, self._broadcasts = Grouping(_all_headers), Grouping(_broadcast_of)
        self._texts: dict[str, list[Column]] = {name: [_texts([])] for name in OWN_TEXTS}
        self._query_marks: list[dict[str, str] | None] = []

    def add(self, lane: int, seqs: Iterable[int], edge_id: str, clicks: Sequence[Click]) -> None:
        """seqs: one for each click."""
        self._lanes.extend(repeat(lane, len(clicks)))
        self._seqs.extend(seqs)
        self._edge_ids.add([edge_id] * len(clicks))
        self._held += clicks
        if len(self._held) >= AT_ONCE:
            self._take_apart()

    def clicks(self) -> Clicks:
        """All of them, in order."""
        self._take_apart()
        return Clicks(
            self._lanes, self._seqs, self._link_ids, self._clicked_at_ms,
            bytes(self._click_ids), bytes(self._sealed_addresses),
            self._edge_ids.grouped(), self._headers.grouped(), self._broadcasts.grouped(),
            {name: pa.concat_arrays(columns) for name, columns in self._texts.items()}, self._query_marks,
        )  # fmt: skip

    def _take_apart(self) -> None:
        held, self._held = self._held, []
        self._link_ids.extend(map(attrgetter("link_id"), held))
        self._clicked_at_ms.extend(map(attrgetter("clicked_at_ms"), held))
        self._click_ids += b"".join(map(attrgetter("click_id"), held))
        self._sealed_addresses += b"".join(map(attrgetter("sealed_address"), held))
        self._headers.add(held)
        self._broadcasts.add(held)
        for name, columns in self._texts.items():
            columns.append(_texts([*map(attrgetter(name), held)]))
        self._query_marks.extend(map(attrgetter("query_marks"), held))


def _texts(texts: Sequence[str]) -> "Column":
    return pa.array(texts, pa.string())


def with_texts(column: "Column", changes: Mapping[int, str]) -> "Column":
    """A column of OWN_TEXTS with other texts at some places."""
    texts: list[Any] = column.to_pylist()
    for index, text in changes.items():
        texts[index] = text
    return _texts(texts)
