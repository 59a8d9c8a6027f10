"""Cuts a CSV text into records as RFC 4180 says: a quoted field may hold ends of lines. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

MAX_RECORD = 64 * 1024  # characters
_QUOTED = r'"(?:[^"]|"")*"'
_ANY_QUOTED = re.compile(_QUOTED)
_UNTIL_CLOSED = re.compile(r'(?:[^"]|"")*+"')

Batch = tuple[list[str], Sequence[int]]  # records, and the number of the line each begins on


class Unclosed(Exception):
    """A quote is opened and not closed, or so late that nobody can tell: what follows cannot be told apart."""

    def __init__(self, line_no: int) -> None:
        super().__init__(line_no)
        self.line_no = line_no


class Splitter:
    """Records of one delimiter."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        bound = re.escape(delimiter)
        self._bare = re.compile(f"[^{bound}\n]*")
        self._whole_fields = re.compile(rf"(?:(?<=[{bound}\n])|\A){_QUOTED}(?=[{bound}\r\n]|\Z)")

    def strays(self, text: str) -> bool:
        """Whether a quote stands where none may: in a field that is not quoted, or behind the end of one.

        What Python's csv refuses is not found for certain.
        """
        if self._is_plainly_quoted(text):
            return False
        return '"' in self._whole_fields.sub("", text)

    def _is_plainly_quoted(self, text: str) -> bool:
        """Whether each quote begins or ends a field and does not do both; a no is not certain. A fifth of the time.

        Then as many begin a field as end one, unless a field that is not quoted has one at its end.
        """
        bound = self.delimiter
        text = f"\n{text}\n".replace("\r\n", "\n")
        if '"""' in text:
            return False
        text = text.replace(f'{bound}""', bound).replace('\n""', "\n")
        if '""' in text or any(f'{before}"{after}' in text for before in (bound, "\n") for after in (bound, "\n")):
            return False
        begin = text.count(f'{bound}"') + text.count('\n"')
        return begin == text.count(f'"{bound}') + text.count('"\n') and 2 * begin == text.count('"')

    def batches(self, texts: Iterable[str], first_line_no: int) -> Iterator[Batch]:
        """The records of texts that end with a line each. Raises Unclosed."""
        line_no, unended = first_line_no, None
        for text in texts:
            lines = text.split("\n")
            if not lines[-1]:
                lines.pop()
            numbers = range(line_no, line_no + len(lines))
            line_no += len(lines)
            # Most lines have one of a few counts of quotes; an even one leaves no field open.
            if unended is None and not any(count % 2 for count in set(map(str.count, lines, repeat('"')))):
                yield lines, numbers
                continue
            records, starts, unended = self._walk(lines, numbers, unended)
            if records:
                yield records, starts
        if unended is not None:
            raise Unclosed(unended.start)

    def _walk(
        self, lines: list[str], numbers: range, unended: "_Record | None"
    ) -> tuple[list[str], list[int], "_Record | None"]:
        """Also gives the record that the last line does not end."""
        records, starts = [], []
        for line_no, line in zip(numbers, lines, strict=True):
            if unended is None and '"' not in line:
                records.append(line)
                starts.append(line_no)
                continue
            record = unended or _Record(line_no)
            if self._ends(record, line):
                records.append("\n".join(record.lines))
                starts.append(record.start)
                unended = None
            elif record.length > MAX_RECORD:
                raise Unclosed(record.start)
            else:
                unended = record
        return records, starts, unended

    def _ends(self, record: "_Record", line: str) -> bool:
        """Whether the record ends with this line: it leaves no quoted field open.

        Each line is read once, however many a record has. Text behind a closing quote leaves two readings. Then the
        quotes decide, and the record is a bad one anyway.
        """
        record.add(line)
        place = 0
        while not record.has_stray and place < len(line):
            if record.is_quoted:
                closing = _UNTIL_CLOSED.match(line, place)
                if closing is None:
                    return False
                record.is_quoted = False
                place = closing.end()
                record.has_stray = line[place : place + 1] not in ("", self.delimiter, "\r")
                place += 1
            elif line[place] == '"':
                record.is_quoted = True
                place += 1
            else:
                field = self._bare.match(line, place)
                place = field.end() + 1 if field else len(line)
        return record.quotes % 2 == 0 if record.has_stray else not record.is_quoted


class _Record:
    """What is read of a record: its lines, and whether a quoted field is open at their end."""

    def __init__(self, start: int) -> None:
        self.start = start  # number of its first line
        self.lines: list[str] = []
        self.length = -1
        self.quotes = 0
        self.is_quoted = False
        self.has_stray = False  # text behind a closing quote

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.length += len(line) + 1
        self.quotes += line.count('"')


def first_record(text: str) -> tuple[str, str, int]:
    """The first record of a text whose delimiter is not known, the rest, and its lines: 0 where it has no end."""
    end = 0
    for count, line in enumerate(text.split("\n"), 1):
        end += len(line) + 1
        if text.count('"', 0, end) % 2 == 0:
            return text[: end - 1], text[end:], count
        if end > MAX_RECORD:
            break
    return text, "", 0


def without_quoted(record: str) -> str:
    return _ANY_QUOTED.sub("", record)
