"""The bad lines of a list: the first of them by line, then only how many. However bad a list is, this stays small."""

from bisect import insort

import msgspec

MAX_NAMED = 1_000
MAX_ERROR = 500  # characters


class BadLine(msgspec.Struct, gc=False, omit_defaults=True):
    """One line out, for a line in that was skipped. lines: how many it stands for, where the last counts the others."""

    line: int
    error: str
    lines: int = 1


class BadContact(Exception):
    """The first line that is wrong: which, where in it, and what is expected."""

    def __init__(self, line: int, field: str, error: str, column: int = 0) -> None:
        super().__init__(f"line {line}: {error}")
        self.line, self.field, self.column = line, field, column


class BadLines:
    """Takes any number of bad lines, best in their order."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[BadLine] = []  # by line; the one beyond MAX_NAMED says where the others begin

    def __len__(self) -> int:
        return self._count

    @property
    def named(self) -> list[BadLine]:
        return self._first[:MAX_NAMED]

    @property
    def rest(self) -> BadLine | None:
        """Stands for the lines that are not named."""
        more = self._count - MAX_NAMED
        if more <= 0:
            return None
        said = "1 more line is bad: this one" if more == 1 else f"{more:,} more lines are bad, from this one on"
        return BadLine(self._first[MAX_NAMED].line, said, more)

    def add(self, line: int, error: str) -> None:
        self._count += 1
        if len(self._first) > MAX_NAMED:
            if line > self._first[MAX_NAMED].line:
                return
            self._first.pop()
        insort(self._first, BadLine(line, _shortened(error)), key=lambda bad: bad.line)


def _shortened(error: str) -> str:
    return error if len(error) <= MAX_ERROR else error[:MAX_ERROR] + "..."
