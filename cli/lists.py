"""Lists of the command line: all pages of a list, as a table, JSON or CSV."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from cli.api import call
from cli.plain import as_json, printable
from cli.show import rows

F = TypeVar("F", bound=Callable[..., Any])
_PAGE = 1_000
# What a spreadsheet runs (OWASP, "CSV Injection"), also in full width; not a number or telephone number with its sign.
_FORMULA = re.compile(r"[=@\uff1d\uff20\t\r\n]|[+\uff0b\uff0d-](?![0-9 ().,/-]*\Z)")


def list_options(command: F) -> F:
    """--limit, --account, --json and --csv."""
    options = (
        click.option("--limit", type=click.IntRange(1), default=None, help="At most so many; all without it."),
        click.option("--account", default=None, help="An account below the key's own."),
        click.option("--json", "json_", is_flag=True, help="Print the records as a JSON array."),
        click.option("--csv", "csv_", is_flag=True, help="Print the records as CSV with a header."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def items(path: str, limit: int | None, **query: Any) -> Iterator[dict[str, Any]]:
    """The items of a list over all its pages."""
    left, cursor = limit, None
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = call("GET", path, limit=str(size), cursor=cursor, **query)
        yield from page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return
        left = None if left is None else left - size


def show_list(
    records: Sequence[dict[str, Any]], columns: Sequence[str], nothing: str, *, json_: bool, csv_: bool
) -> None:
    """Print records: of a table these columns, of JSON and CSV all. nothing: what to say where there is none."""
    if json_:
        as_json(records)
    elif csv_:
        as_csv(records, columns)
    elif records:
        rows("", [{name: cell(record.get(name)) for name in columns} for record in records])
    else:
        click.echo(nothing)


def as_csv(records: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """All fields of the records, these columns first."""
    names = list(dict.fromkeys([*columns, *(name for record in records for name in record)]))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([as_text(printable(cell(record.get(name)))) for name in names] for record in records)


def as_text(value: str) -> str:
    """A cell that no spreadsheet runs as a formula: visitors choose what is in some of them."""
    return f"'{value}" if _FORMULA.match(value) else value


def cell(value: Any) -> str:
    """A value in one line of text; "" for none."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)
