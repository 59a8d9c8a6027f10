"""Reports as tables for spreadsheets: CSV with a figure a line, XLSX with a sheet for each table."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import xlsxwriter

# What these begin with a spreadsheet takes for a formula; a sender's audience or a visitor's browser may say it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
EXCEL, EXCEL_EU = "excel", "excel-eu"
DIALECTS = (EXCEL, EXCEL_EU)
_SHARES = ("rate", "share")  # columns of shares end with these
_COLUMN_WIDTH = 22  # characters
_SHEET_NAME = 31  # characters, of Excel


class Table(NamedTuple):
    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def as_csv(reports: list[msgspec.Struct], dialect: str = EXCEL) -> bytes:
    """A line for each figure: of what, in which table, in which row of it.

    excel-eu: as Excel reads it where numbers have a decimal comma, with semicolons and a byte order mark.
    """
    written = io.StringIO()
    european = dialect == EXCEL_EU
    writer = csv.writer(written, delimiter=";" if european else ",", lineterminator="\r\n")  # RFC 4180
    writer.writerow(("of", "table", "row", "figure", "value"))
    for table in tables(reports):
        for of, *values in table.rows:
            row = zip(table.columns[1:], values, strict=True)
            labels, figures = _split(table, list(row))
            said = [(name, _decimal_comma(value) if european else value) for name, value in figures]
            writer.writerows((_plain(of), table.name, _plain(labels), name, _plain(value)) for name, value in said)
    return written.getvalue().encode("utf-8-sig" if european else "utf-8")


def as_xlsx(reports: list[msgspec.Struct]) -> bytes:
    written = io.BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "remove_timezone": True, "default_date_format": "yyyy-mm-dd hh:mm:ss",
    }  # fmt: skip
    with xlsxwriter.Workbook(written, options) as book:
        heading, share = book.add_format({"bold": True}), book.add_format({"num_format": "0.0%"})
        for table in tables(reports, (datetime,)):
            sheet = book.add_worksheet(table.name[:_SHEET_NAME])
            sheet.set_column(0, len(table.columns) - 1, _COLUMN_WIDTH)
            sheet.write_row(0, 0, table.columns, heading)
            sheet.freeze_panes(1, 0)
            for number, row in enumerate(table.rows, 1):
                for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
                    sheet.write(number, place, _plain(value), share if column.endswith(_SHARES) else None)
    return written.getvalue()


def tables(reports: list[msgspec.Struct], as_they_are: Sequence[type] = ()) -> Iterator[Table]:
    """The first column of each says which report a row is of. as_they_are: types that are not made JSON of."""
    built = [msgspec.to_builtins(report, builtin_types=as_they_are) for report in reports]
    of = next(iter(built[0]))
    totals = [(report[of], *_flat(report).values()) for report in built]
    yield Table("totals", (of, *_flat(built[0])), totals)
    named = [(name, [report[name] for report in built]) for name in built[0] if isinstance(built[0][name], list)]
    for name, lists in [*named, *_inner(built)]:
        columns = next((tuple(rows[0]) for rows in lists if rows), ())
        lines = [
            (report[of], *row.values()) for report, rows in zip(built, lists, strict=True) for row in rows
        ]  # fmt: skip
        yield Table(name, (of, *columns), lines)


def _inner(built: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """The tables inside of records of a broadcast's report."""
    if "seconds_to_tap" not in built[0]:
        return []
    cumulative = [report["seconds_to_tap"]["cumulative"] for report in built]
    histograms = [
        [{"segments": int(segments), "messages": messages} for segments, messages in found.items()]
        for found in (report["segments"]["by_segments"] for report in built)
    ]
    return [("seconds_to_tap_cumulative", cumulative), ("segments_by_segments", histograms)]


def _flat(report: dict[str, Any]) -> dict[str, Any]:
    """Its single values but the first, which says what it is of; those of records named with their record."""
    flat: dict[str, Any] = {}
    for name, value in list(report.items())[1:]:
        if isinstance(value, dict):
            flat |= dict(_parts(name, value))
        elif not isinstance(value, list):
            flat[name] = value
    return flat


def _parts(name: str, record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The single values of a record; of an interval both ends."""
    for inner, value in record.items():
        if inner.endswith("_95"):
            yield from zip((f"{name}_{inner}_low", f"{name}_{inner}_high"), value, strict=True)
        elif not isinstance(value, list | dict):
            yield f"{name}_{inner}", value


_FIGURES = {
    *("links", "contacts", "clicks", "unique_contacts", "click_through_rate", "share", "broadcasts"),
    *("messages", "count", "people", "machines", "unknown"),
}


def _split(table: Table, row: list[tuple[str, Any]]) -> tuple[str, list[tuple[str, Any]]]:
    """What a row is of, and its figures."""
    if table.name == "totals":
        return "", row
    labels = " ".join(str(value) for name, value in row if name not in _FIGURES)
    return labels, [(name, value) for name, value in row if name in _FIGURES]


def _decimal_comma(value: Any) -> Any:
    return str(value).replace(".", ",") if isinstance(value, float) else value


def _plain(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
