"""Reads and checks the lines of a minting request, the whole of them before the first link is minted."""

from array import array
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from control.http.problems import Problem, fault_of
from control.http.schemas import BadLine, ContactLine
from records.forms import is_control

BATCH_BYTES = 2 * 1024 * 1024
ALL = -1  # destination_index of a line that names none: one link per destination

_lines = msgspec.json.Decoder(ContactLine)


class Contacts(msgspec.Struct, frozen=True):
    """The lines that are right, as columns of 10 bytes and the contact ids, and those that are not, in their order."""

    contact_ids: Any  # pa.Array of strings
    audience_nos: Any  # pa.Array of uint32: places in `audiences`
    indexes: Any  # pa.Array of int16; ALL for every destination
    line_nos: Any  # pa.Array of uint32
    audiences: list[str]
    bad: list[BadLine]

    def __len__(self) -> int:
        return len(self.contact_ids)

    def links(self, destinations: int) -> int:
        """How many links the lines ask for."""
        every = pc.sum(pc.equal(self.indexes, pa.scalar(ALL, pa.int16()))).as_py() or 0
        return int(every * destinations + len(self) - every)


def read_contacts(file: IO[bytes], destinations: int, *, skip_bad: bool) -> Contacts:
    """Raises Problem with the number of the first bad line, unless skip_bad. file: at its beginning."""
    reader = _Reader(destinations, skip_bad)
    while lines := file.readlines(BATCH_BYTES):
        reader.add(lines)
    return reader.finished()


class _Reader:
    def __init__(self, destinations: int, skip_bad: bool) -> None:
        self._destinations = destinations
        self._skip_bad = skip_bad
        self._line_no = 0
        self._contact_ids: list[Any] = []  # a pa.Array for each batch
        self._hashes = array("q")  # of the contact ids
        self._audience_nos, self._indexes, self._line_nos = array("I"), array("h"), array("I")
        self._audiences: dict[str, int] = {}
        self._bad: list[BadLine] = []

    def add(self, lines: list[bytes]) -> None:
        parsed = _parsed(lines)
        line_nos: Sequence[int] = range(self._line_no + 1, self._line_no + 1 + len(parsed))
        if tuple in map(type, parsed) or self._may_be_wrong(parsed):  # type: ignore[arg-type]
            parsed, line_nos = self._right_ones(parsed)
        self._line_no += len(lines)
        self._keep(parsed, line_nos)  # type: ignore[arg-type]

    def finished(self) -> Contacts:
        contacts = Contacts(
            pa.chunked_array(self._contact_ids, pa.string()).combine_chunks(),
            _column(self._audience_nos, pa.uint32()),
            _column(self._indexes, pa.int16()),
            _column(self._line_nos, pa.uint32()),
            list(self._audiences),
            self._bad,
        )
        if _all_differ(self._hashes):
            return contacts
        return self._without_repeats(contacts)

    def _may_be_wrong(self, lines: Sequence[ContactLine]) -> bool:
        """Looks at all of them at once, a fifth of the time of _fault: a no is certain."""
        audiences = {line.audience for line in lines}
        indexes = {line.destination_index for line in lines if line.destination_index is not None}
        printable = all(map(str.isprintable, [line.contact_id for line in lines])) and all(
            map(str.isprintable, audiences)
        )
        return not printable or max(indexes, default=0) >= self._destinations

    def _right_ones(self, parsed: Sequence[ContactLine | tuple[str, str]]) -> tuple[list[ContactLine], list[int]]:
        """The lines without a fault, and their numbers."""
        right: list[ContactLine] = []
        line_nos: list[int] = []
        for line_no, line in enumerate(parsed, self._line_no + 1):
            fault = line if isinstance(line, tuple) else self._fault(line)
            if fault:
                self._refuse(line_no, *fault)
                continue
            right.append(line)  # type: ignore[arg-type]
            line_nos.append(line_no)
        return right, line_nos

    def _keep(self, lines: Sequence[ContactLine], line_nos: Sequence[int]) -> None:
        for audience in dict.fromkeys([line.audience for line in lines]):
            self._audiences.setdefault(audience, len(self._audiences))
        contact_ids = [line.contact_id for line in lines]
        self._contact_ids.append(pa.array(contact_ids, pa.string()))
        self._hashes.extend(map(hash, contact_ids))
        self._audience_nos.extend([self._audiences[line.audience] for line in lines])
        self._indexes.extend([ALL if line.destination_index is None else line.destination_index for line in lines])
        self._line_nos.extend(line_nos)

    def _fault(self, line: ContactLine) -> tuple[str, str] | None:
        """(field, what is wrong) beyond what the record itself says."""
        if not line.contact_id.isprintable() and _has_controls(line.contact_id):
            return "contact_id", "contact_id holds a control character; take it out"
        if _has_controls(line.audience):
            return "audience", "audience holds a control character; take it out"
        if line.destination_index is not None and line.destination_index >= self._destinations:
            known = f"the broadcast has {self._destinations}, numbered from 0"
            return "destination_index", f"there is no destination {line.destination_index}; {known}"
        return None

    def _refuse(self, line_no: int, field: str, error: str) -> None:
        if not self._skip_bad:
            raise Problem("invalid", f"line {line_no}: {error}", field=field, line=line_no)
        self._bad.append(BadLine(line_no, error))

    def _without_repeats(self, contacts: Contacts) -> Contacts:
        repeated = set(_repeats(contacts.contact_ids, contacts.indexes, self._destinations))
        for row in sorted(repeated):
            contact_id = contacts.contact_ids[row].as_py()
            line_no = contacts.line_nos[row].as_py()
            self._refuse(line_no, "contact_id", f"contact {contact_id!r} has this link from an earlier line already")
        self._bad.sort(key=lambda bad: bad.line)
        keep = pa.array([row not in repeated for row in range(len(contacts))], pa.bool_())
        return Contacts(
            contacts.contact_ids.filter(keep), contacts.audience_nos.filter(keep), contacts.indexes.filter(keep),
            contacts.line_nos.filter(keep), contacts.audiences, self._bad,
        )  # fmt: skip


def _parsed(lines: list[bytes]) -> Sequence[ContactLine | tuple[str, str]]:
    """Each line as its record, or as (field, what is wrong)."""
    try:
        parsed = _lines.decode_lines(b"".join(lines))
        if len(parsed) == len(lines):
            return parsed
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # one by one below, to know which
    return [_parsed_line(line) for line in lines]


def _parsed_line(line: bytes) -> ContactLine | tuple[str, str]:
    if not line.strip():
        return "", "the line is empty; expected a JSON object with contact_id"
    try:
        line.decode()
        return _lines.decode(line)
    except UnicodeDecodeError as error:
        return "", f"byte {error.start + 1} of the line (0x{line[error.start]:02x}) is not UTF-8"
    except msgspec.ValidationError as error:
        return fault_of(error, line)
    except msgspec.DecodeError as error:
        return "", f"the line is not JSON: {error}"


def _has_controls(text: str) -> bool:
    return any(map(is_control, text))


def _all_differ(hashes: "array[int]") -> bool:
    """Whether no two are equal. 24 bytes each for a moment; pyarrow's count_distinct takes up to 180 a contact id."""
    column = _column(hashes, pa.int64())
    ordered = column.take(pc.sort_indices(column))
    return not pc.any(pc.equal(ordered[1:], ordered[:-1])).as_py()


def _repeats(contact_ids: Any, indexes: Any, destinations: int) -> Iterator[int]:
    """Rows that ask for a link that an earlier row has. One byte for each possible link, however long the ids."""
    encoded = contact_ids.dictionary_encode()
    seen = bytearray(len(encoded.dictionary) * destinations)
    for row, (number, index) in enumerate(zip(encoded.indices.to_pylist(), indexes.to_pylist(), strict=True)):
        first = number * destinations
        places = range(first, first + destinations) if index == ALL else (first + index,)
        if any(seen[place] for place in places):
            yield row
        for place in places:
            seen[place] = 1


def _column(values: "array[int]", kind: Any) -> Any:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
