"""What people see of an answer: as it is, never read as markup, and never cut where no terminal limits it."""

import re
import sys
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table

from cli.plain import printable

_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$")
EXIT = {"pass": 0, "fail": 1, "unsure": 3}  # status of a command by the verdict that it prints
_SHORT = 24  # columns; a field that takes more is long
_UNLIMITED = 10_000  # columns, for a pipe or a file


def console(*, stderr: bool = False) -> Console:
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else _UNLIMITED
    return Console(stderr=stderr, width=width, soft_wrap=True, markup=False, emoji=False, highlight=False)


def say(text: str, indent: str = "") -> None:
    """Print a sentence; on a terminal its lines end between words. indent: of the lines but the first."""
    lines = wrap(text, console().width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    click.echo("\n".join(lines))


def counted(number: int, what: str) -> str:
    """1 link, 2 links."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def fields(answer: dict[str, Any]) -> None:
    """The fields of a record, one a line."""
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in answer.items():
        table.add_row(name, _text(value))
    console().print(table)


def _text(value: Any) -> str:
    """A value of a record; a list or an object has a line for each of its values."""
    if isinstance(value, dict):
        value = [f"{name}: {one}" for name, one in value.items()]
    shown = "\n".join(map(str, value)) if isinstance(value, list) else value
    return "-" if shown in (None, "") else printable(str(shown))


def rows(title: str, records: list[dict[str, Any]]) -> None:
    """Records of the same fields, one a line; on a terminal that is too narrow, what is long stands below its line."""
    out = console()
    cells = [{name: _cell(name, value) for name, value in record.items()} for record in records]
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in records[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for record in cells:
        table.add_row(*record.values())
    if out.measure(table, options=out.options.update(max_width=_UNLIMITED)).maximum <= out.width:
        out.print(table)
    else:
        out.print("\n".join([*filter(None, [title]), *_stacked(cells, out.width)]))


def _stacked(records: list[dict[str, str]], columns: int) -> Iterator[str]:
    """Short fields side by side under their names, the long ones of each record below them, whole."""
    records = [{name: _INSTANT.sub(r"\1 \2Z", value) for name, value in record.items()} for record in records]
    long = {name for record in records for name, value in record.items() if cell_len(value) > _SHORT or "\n" in value}
    words = {name: name.split("_") for name in records[0] if name not in long}
    widths = {
        name: max(map(cell_len, [*of_name, *(record[name] for record in records)])) for name, of_name in words.items()
    }
    gap = "  " if sum(widths.values()) + 2 * len(widths) - 2 <= columns else " "
    for line in range(max(map(len, words.values()), default=0)):
        heads = {name: of_name[line] if line < len(of_name) else "" for name, of_name in words.items()}
        yield _line(heads, widths, gap)
    for record in records:
        yield _line(record, widths, gap)
        yield from (f"  {name.replace('_', ' ')}: {record[name]}" for name in record if name in long)


def _line(values: dict[str, str], widths: dict[str, int], gap: str) -> str:
    return gap.join(set_cell_size(values[name], width) for name, width in widths.items()).rstrip()


def _cell(name: str, value: Any) -> str:
    if name.endswith("rate") and isinstance(value, int | float):
        return f"{value:.1%}"
    return "-" if value in ("", None) else printable(str(value))
