"""The fields of a list of contacts: on disk beyond a bound, and read back some lines at a time."""

import weakref
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress
from tempfile import SpooledTemporaryFile

import msgspec

from contacts.fields import Fields

IN_MEMORY_BYTES = 8 * 1024**2  # of all fields of a list
CHUNK_LINES = 2_000  # are written and read at a time

_Lines = list[dict[str, str]]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Lines)


class KeptFields:
    """Grows line by line. A line costs what it has: names that no line has cost nothing. For one thread at a time."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = frozenset(names)  # of all fields that count
        self._file = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed with this object
        self._starts: list[int] = []  # the first line of each chunk
        self._places: list[tuple[int, int]] = []  # where each chunk is in the file, and its bytes
        self._count = 0
        weakref.finalize(self, self._file.close)

    def add(self, lines: Sequence[Fields] | None, count: int) -> None:
        """The fields of `count` more lines; None: none of them has any."""
        if not self.names:
            return
        for start in range(0, count, CHUNK_LINES):
            end = min(count, start + CHUNK_LINES)
            self._write([{}] * (end - start) if lines is None else list(map(self._counted, lines[start:end])))

    def of(self, rows: slice, names: Collection[str] | None = None) -> _Lines:
        """The fields that each of these lines has, of those named: without names, of all that count."""
        first, end, _ = rows.indices(self._count)
        found: _Lines = []
        for number in range(max(0, bisect_right(self._starts, first) - 1), len(self._starts)):
            start = self._starts[number]
            if start >= end:
                break
            found += self._read(number)[max(first - start, 0) : end - start]
        return found if names is None else list(_only(found, sorted(names)))

    def only(self, keep: Sequence[bool]) -> "KeptFields":
        """Without the lines that are not to be kept."""
        kept = KeptFields(self.names)
        for number, start in enumerate(self._starts):
            lines = self._read(number)
            kept._write(list(compress(lines, keep[start : start + len(lines)])))
        return kept

    def _counted(self, fields: Fields) -> Fields:
        if fields.keys() <= self.names:
            return fields
        return {name: value for name, value in fields.items() if name in self.names}

    def _write(self, lines: Sequence[Fields]) -> None:
        if not lines:
            return
        data = _encoder.encode(lines)
        self._starts.append(self._count)
        self._places.append((self._file.seek(0, 2), len(data)))
        self._file.write(data)
        self._file.flush()  # a full disk is said now, and not while messages are answered
        self._count += len(lines)

    def _read(self, number: int) -> _Lines:
        place, size = self._places[number]
        self._file.seek(place)
        return _decoder.decode(self._file.read(size))


def _only(lines: _Lines, names: Sequence[str]) -> Iterator[dict[str, str]]:
    return ({name: fields[name] for name in names if name in fields} for fields in lines)
