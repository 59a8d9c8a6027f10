"""What people see of an answer: as it is, never read as markup, and never cut where no terminal limits it."""

import json
import re
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

# What moves a terminal's cursor, begins an escape sequence or turns a line around: all C0 but tab and line feed,
# DEL, C1 (U+009B begins a sequence by itself, ECMA-48 5.4), and the bidirectional controls of Unicode (UAX 9).
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_UNLIMITED = 10_000  # columns, for a pipe or a file


def console(*, stderr: bool = False) -> Console:
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else _UNLIMITED
    return Console(stderr=stderr, width=width, soft_wrap=True, markup=False, emoji=False, highlight=False)


def printable(text: str) -> str:
    """The text with what a visitor could steer a terminal by written as \\uXXXX, which is JSON's escape too."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def as_json(value: Any) -> None:
    click.echo(printable(json.dumps(value, indent=2, ensure_ascii=False)))


def fields(answer: dict[str, Any]) -> None:
    """The fields of a record, one a line."""
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in answer.items():
        shown = "\n".join(map(str, value)) if isinstance(value, list) else value
        table.add_row(name, "-" if shown in (None, "") else printable(str(shown)))
    console().print(table)


def rows(title: str, records: list[dict[str, Any]]) -> None:
    """Records of the same fields, one a line."""
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in records[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for record in records:
        table.add_row(*(_cell(name, value) for name, value in record.items()))
    console().print(table)


def _cell(name: str, value: Any) -> str:
    if name.endswith("rate") and isinstance(value, int | float):
        return f"{value:.1%}"
    return "-" if value in ("", None) else printable(str(value))
