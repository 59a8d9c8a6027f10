"""Cuts a CSV text into records as RFC 4180 says: a quoted field may hold ends of lines. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

MAX_RECORD = 64 * 1024  # characters
_QUOTED = r'"(?:[^"]|"")*"'
_ANY_QUOTED = re.compile(_QUOTED)

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
        self._quoted = re.compile(_QUOTED)
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
        line_no, open_lines = first_line_no, ""
        for text in texts:
            lines = text.split("\n")
            if not lines[-1]:
                lines.pop()
            numbers = range(line_no, line_no + len(lines))
            line_no += len(lines)
            # Most lines have one of a few counts of quotes; an even one leaves no field open.
            if not open_lines and not any(count % 2 for count in set(map(str.count, lines, repeat('"')))):
                yield lines, numbers
                continue
            records, starts, open_lines = self._walk(lines, numbers, open_lines)
            if records:
                yield records, starts
        if open_lines:
            raise Unclosed(line_no - open_lines.count("\n") - 1)

    def _walk(self, lines: list[str], numbers: range, open_lines: str) -> tuple[list[str], list[int], str]:
        """Also gives the record that the last line leaves open, "" for none."""
        records, starts = [], []
        start = numbers[0] - open_lines.count("\n") - 1 if open_lines else numbers[0]
        for line_no, line in zip(numbers, lines, strict=True):
            record = f"{open_lines}\n{line}" if open_lines else line
            start = start if open_lines else line_no
            open_lines = record if '"' in record and self._goes_on(record) else ""
            if open_lines:
                if len(record) > MAX_RECORD:
                    raise Unclosed(start)
                continue
            records.append(record)
            starts.append(start)
        return records, starts, open_lines

    def _goes_on(self, record: str) -> bool:
        """Whether the record goes on in the next line: a quoted field is open at its end.

        Text behind a closing quote leaves two readings. Then the quotes decide, and the record is a bad one anyway.
        """
        place = 0
        while place < len(record):
            if record[place] == '"':
                field = self._quoted.match(record, place)
                if field is None:
                    return True
                place = field.end()
                if record[place : place + 1] not in ("", self.delimiter, "\r"):
                    return record.count('"') % 2 == 1
                place += 1
                continue
            field = self._bare.match(record, place)
            place = field.end() + 1 if field else len(record)
        return False


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
