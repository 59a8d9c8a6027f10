"""A list of contacts as people have it: CSV with a header, in any encoding and with any delimiter that is usual.

`contact_id` is required, `audience` and `destination_index` are optional, every other column is a field: its header in
lower case, with other characters as one `_`. Only columns that are asked for are looked at.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import IO, Any

import msgspec

from contacts.bad_lines import BadContact
from contacts.columns import NO_MAP, OPTIONS, BadHeader, Spelling
from contacts.csv_records import MAX_RECORD, Batch, Splitter, Unclosed, first_record, without_quoted
from contacts.encoding import MAX_LINE, UNDECODABLE, Encoding, LineTooLong, UnknownEncoding, encoding_of, texts_of
from contacts.encoding_names import EXAMPLES
from contacts.fields import NAME, NO_FIELDS, STANDS_APART, FieldNeeds
from contacts.line import Columns, ContactLine, Fault
from records.text import shown

DELIMITERS = ",;\t|"
MAX_INDEX_DIGITS = 5
_ZIP = b"PK\x03\x04"  # .xlsx, .ods, .numbers
_SEP = re.compile(r'"?sep=(.)"?\r?')  # as Excel writes and reads it
_OTHERS = re.compile("[^a-z0-9_]+")
_RULE = '; a field with quotes in it is quoted as a whole, and each of them doubled: "5"" pipe"'
_STRAY = f"a quoted field goes on after its closing quote, or a field that is not quoted has a quote{_RULE}"
_OPEN = f"a quote is opened and not closed within {MAX_RECORD} characters{_RULE}"
_Cells = Mapping[int, Sequence[str]]  # by its place in a line, a column that is read
_UNKNOWN = "its letters are neither UTF-8 nor Windows-1252; export it as CSV in UTF-8"


class Header(msgspec.Struct, frozen=True):
    """The columns of a file."""

    cells: list[str]
    positions: dict[str, int]  # of the columns that are read: parts of a line, and fields
    line_no: int = 1

    @property
    def unused(self) -> list[str]:
        """The columns that are not read, as the file names them."""
        used = set(self.positions.values())
        return [cell for place, cell in enumerate(self.cells) if place not in used and cell]

    @property
    def contact_column(self) -> str:
        return self.cells[self.positions["contact_id"]]


class CsvForm(msgspec.Struct, frozen=True):
    header: Header
    encoding: Encoding
    splitter: Splitter
    texts: Iterator[str]  # below the header
    first_line_no: int
    spelling: Spelling = OPTIONS

    def batches(self, file: IO[bytes]) -> Iterator[Batch]:
        """Raises BadContact, also where bad lines may be skipped, if the records after a line cannot be told apart."""
        try:
            yield from self.splitter.batches(self.texts, self.first_line_no)
        except Unclosed as unclosed:
            raise BadContact(unclosed.line_no, "", _OPEN) from None
        except LineTooLong:
            raise BadHeader(f"a line has more than {MAX_LINE} characters; is it a CSV file?") from None

    def columns(self, records: list[str]) -> Columns | None:
        """A quarter of the time of reading them one by one, or less."""
        if max(map(len, records)) > MAX_RECORD:
            return None
        text = "\n".join(records)
        if "\0" in text or UNDECODABLE in text:
            return None
        cells = self._plain_cells(records, text) or self._cells_by_csv(records, text)
        if cells is None:
            return None
        contact_ids, audiences, indexes = (self._column(cells, name) for name in STANDS_APART)
        texts = set(indexes)  # few differ
        if self.header.contact_column in contact_ids or not all(map(_is_index, texts)):
            return None
        numbers = {text: int(text) if text else None for text in texts}
        return Columns(contact_ids, audiences, [numbers[text] for text in indexes], self._fields(cells))

    def _plain_cells(self, records: list[str], text: str) -> _Cells | None:
        """Half the time of Python's csv, where nothing is quoted and every line ends as most do."""
        width, delimiter = len(self.header.cells), self.splitter.delimiter
        if '"' in text or set(map(str.count, records, repeat(delimiter))) != {width - 1}:
            return None
        text = text.removesuffix("\r").replace("\r\n", "\n")
        if "\r" in text:
            return None
        cells = text.replace("\n", delimiter).split(delimiter)
        return {place: cells[place::width] for place in self.header.positions.values()}

    def _cells_by_csv(self, records: list[str], text: str) -> _Cells | None:
        if '"' in text and self.splitter.strays(text):
            return None
        try:
            rows = list(csv.reader(records, delimiter=self.splitter.delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(records) or set(map(len, rows)) != {len(self.header.cells)}:
            return None
        return {place: [row[place] for row in rows] for place in self.header.positions.values()}

    def line(self, raw: str) -> ContactLine | Fault:
        cells = self._cells(raw)
        if isinstance(cells, Fault):
            return cells
        if len(cells) != len(self.header.cells):
            return Fault("", f"it has {len(cells)} fields, the header has {len(self.header.cells)}")
        if [cell.strip() for cell in cells] == self.header.cells:
            return Fault("", "it is the header again; take it out")
        columns = {place: [cells[place]] for place in self.header.positions.values()}
        contact_id, audience, index = (self._column(columns, name)[0] for name in STANDS_APART)
        if not _is_index(index):
            error = f"destination_index is {shown(index)}; expected a whole number of at most {MAX_INDEX_DIGITS} digits"
            return Fault("destination_index", error)
        fields = self._fields(columns) or [{}]
        return ContactLine(contact_id, audience, int(index) if index else None, fields[0])

    def _column(self, cells: _Cells, name: str) -> list[str]:
        position = self.header.positions.get(name)
        if position is None:
            return [""] * len(next(iter(cells.values())))
        return list(map(str.strip, cells[position]))

    def _fields(self, cells: _Cells) -> list[Any] | None:
        names = [name for name in self.header.positions if name not in STANDS_APART]
        if not names:
            return None
        columns = [self._column(cells, name) for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    def _cells(self, record: str) -> list[str] | Fault:
        if len(record) > MAX_RECORD:
            return Fault("", f"it is too long; at most {MAX_RECORD} characters are allowed in a record")
        if UNDECODABLE in record:
            place = record.index(UNDECODABLE) + 1
            remedy = f"save the file as CSV in UTF-8{_or_say(self.spelling)}"
            return Fault("", f"character {place} is not {self.encoding.name}; {remedy}")
        if "\0" in record:
            return Fault("", "it holds a control character, U+0000; save the file as CSV in UTF-8")
        if not record.strip():
            return Fault("", "it is empty")
        if self.splitter.strays(record):
            return Fault("", _STRAY)
        try:
            return next(csv.reader([record], delimiter=self.splitter.delimiter, strict=True))
        except csv.Error:
            return Fault("", "it holds a carriage return; lines end in LF or CRLF")


def csv_form(
    file: IO[bytes],
    mapping: Mapping[str, str] = NO_MAP,
    needs: FieldNeeds = NO_FIELDS,
    said: Encoding | None = None,
    spelling: Spelling = OPTIONS,
) -> CsvForm:
    """The form that the file has. Raises BadHeader.

    mapping: name of a part or a field -> header of its column. needs: the fields that are read. said: in which
    encoding a file without a mark is. spelling: how the caller says these two.
    """
    if file.read(len(_ZIP)) == _ZIP:
        raise BadHeader("it is no CSV file but a spreadsheet, or another zip file; export it as CSV in UTF-8")
    try:
        encoding = encoding_of(file, said)
    except UnknownEncoding:
        raise BadHeader(f"{_UNKNOWN}{_or_say(spelling)}, such as {EXAMPLES}") from None
    texts = texts_of(file, encoding)
    try:
        record, rest, lines = first_record(next(texts, ""))
    except LineTooLong:
        record, rest, lines = "", "", 0
    line_no = 1
    chosen = _SEP.fullmatch(record)
    if chosen is not None:
        if chosen[1] not in DELIMITERS:
            raise BadHeader(f"line 1: sep={shown(chosen[1])}; expected one of {' '.join(',;|')} or a tab")
        line_no = 2
        record, rest, lines = first_record(rest)
    if not lines:
        raise BadHeader(f"line {line_no}: a quote in the header is opened and not closed, or it is no text at all")
    fault = _fault_of_header(record, encoding, spelling)
    if fault:
        raise BadHeader(f"line {line_no}: {fault}; expected a CSV header like contact_id,audience")
    delimiter = chosen[1] if chosen else _delimiter(record, mapping)
    splitter = Splitter(delimiter)
    if splitter.strays(record.rstrip("\r")):
        raise BadHeader(f"line {line_no}: {_STRAY}")
    header = _header(_split(record, delimiter), mapping, needs, line_no, spelling)
    return CsvForm(header, encoding, splitter, chain([rest] if rest else [], texts), line_no + lines, spelling)


def _or_say(spelling: Spelling) -> str:
    return f", or name its encoding by {spelling.encoding}"


def field_name(header: str) -> str:
    """What a column is called as a field."""
    return _OTHERS.sub("_", _plain(header).lower())


def _fault_of_header(record: str, encoding: Encoding, spelling: Spelling) -> str:
    if not record.strip():
        return "it is empty"
    if "\r" in without_quoted(record).rstrip("\r"):
        return "it holds a carriage return; lines end in LF or CRLF"
    if UNDECODABLE in record:
        return f"it is not {encoding.name}; save the file as CSV in UTF-8{_or_say(spelling)}"
    if "\0" in record:
        return "it holds a control character, U+0000: it is no CSV file"
    return ""


def _delimiter(record: str, mapping: Mapping[str, str]) -> str:
    """The one that gives the column of the contacts; else the most frequent one."""
    bare = without_quoted(record)
    candidates = sorted((each for each in DELIMITERS if each in bare), key=bare.count, reverse=True)
    for delimiter in candidates:
        cells = _split(record, delimiter)
        if _place(cells, mapping.get("contact_id", "contact_id")) is not None:
            return delimiter
    return candidates[0] if candidates else ","


def _split(record: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([record], delimiter=delimiter))]
    except csv.Error:
        return [record]


def _header(
    cells: list[str], mapping: Mapping[str, str], needs: FieldNeeds, line_no: int, spelling: Spelling
) -> Header:
    positions: dict[str, int] = {}
    for name, column in mapping.items():
        said = f"{spelling.column}{name}={column}"
        if name not in STANDS_APART and not NAME.fullmatch(name):
            raise BadHeader(f"{said}: {shown(name)} is no name of a field; expected [a-z][a-z0-9_]*")
        positions[name] = _found(cells, column, f"{said}: the column {column}")
    own = [(place, field_name(cell)) for place, cell in enumerate(cells) if place not in positions.values()]
    for name in (*STANDS_APART, *sorted(needs.wanted)):
        if name in positions:
            continue
        places = [place for place, called in own if called == name]
        if len(places) > 1:
            raise BadHeader(f"the column {name} is in the header twice")
        if places:
            positions[name] = places[0]
    if "contact_id" not in positions:
        hint = f"; {spelling.column}contact_id=COLUMN says which one it is"
        raise BadHeader(f"the column contact_id is missing; the header is {_listed(cells)}{hint}")
    read = {name: place for name, place in positions.items() if name in STANDS_APART or name in needs.wanted}
    return Header(cells, read, line_no)


def _listed(cells: Iterable[str]) -> str:
    text = ",".join(cells)
    return shown(text) if len(text) <= 40 else repr(text[:300])


def _place(cells: list[str], column: str) -> int | None:
    """Where a column is: by its header as it reads, else without regard to case, else by its name as a field."""
    is_name = NAME.fullmatch(field_name(column)) and column.isascii()
    for same in (_plain, _folded, field_name) if is_name else (_plain, _folded):
        wanted = same(column)
        places = [place for place, cell in enumerate(cells) if same(cell) == wanted]
        if places:
            return places[0] if len(places) == 1 else -1
    return None


def _plain(header: str) -> str:
    """As it reads: accents composed, without marks of direction and others that are not seen."""
    return "".join(each for each in unicodedata.normalize("NFC", header) if unicodedata.category(each) != "Cf").strip()


def _folded(header: str) -> str:
    return _plain(unicodedata.normalize("NFKC", header)).casefold()


def _found(cells: list[str], column: str, said: str) -> int:
    place = _place(cells, column)
    if place is None:
        raise BadHeader(f"{said} is missing; the header is {_listed(cells)}")
    if place < 0:
        raise BadHeader(f"{said} is in the header twice")
    return place


def _is_index(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and len(text) <= MAX_INDEX_DIGITS)
