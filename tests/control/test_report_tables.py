"""Reports as CSV and XLSX: the figures of the JSON, and no text that a spreadsheet takes for a formula."""

import csv
import io
import re
import zipfile
from datetime import UTC, datetime

import msgspec
import pytest

from control.reports.shapes import AccountReport, AccountRow, Canaries, Classes, HourRow
from control.reports.tables import EXCEL_EU, as_csv, as_xlsx

pytestmark = pytest.mark.pure

CLASSES = Classes(3, 1, 0, 2, 0, 0)
REPORT = AccountReport(
    account="acme", broadcasts=1, links=9, contacts=8, clicks=CLASSES, unique_contacts=2, click_through_rate=0.25,
    by_account=[AccountRow("=HYPERLINK(1)", 1, 9, 8, 3, 2, 0.25)],
)  # fmt: skip
Hours = msgspec.defstruct("Hours", [("of", str), ("click_through_rate", float), ("by_hour", list[HourRow])])


def lines(data):
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_a_csv_has_a_line_for_each_figure():
    found = {
        (line["of"], line["table"], line["row"], line["figure"]): line["value"] for line in lines(as_csv([REPORT]))
    }

    assert found["acme", "totals", "", "clicks_human"] == "3"
    assert found["acme", "totals", "", "click_through_rate"] == "0.25"
    assert found["acme", "by_account", "'=HYPERLINK(1)", "unique_contacts"] == "2"


def test_a_csv_has_both_ends_of_an_interval():
    canaries = Canaries(links=50, tapped=4, scan_rate=0.08, scan_rate_95=(0.03, 0.19))
    row = msgspec.defstruct("Row", [("broadcast_id", str), ("canaries", Canaries)])("spring", canaries)

    found = {line["figure"]: line["value"] for line in lines(as_csv([row]))}

    assert (found["canaries_tapped"], found["canaries_scan_rate"]) == ("4", "0.08")
    assert (found["canaries_scan_rate_95_low"], found["canaries_scan_rate_95_high"]) == ("0.03", "0.19")


def test_no_text_of_a_csv_begins_a_formula():
    for text in ("=1", "+1", "-1", "@a", "\t=1", "\r=1"):
        row = AccountRow(text, 1, 9, 8, 3, 2, 0.25)
        written = lines(as_csv([msgspec.structs.replace(REPORT, by_account=[row])]))
        assert [line["row"][:1] for line in written if line["table"] == "by_account"] == ["'"] * 6, text


def test_an_xlsx_has_a_sheet_for_each_table_and_no_formula():
    with zipfile.ZipFile(io.BytesIO(as_xlsx([REPORT]))) as book:
        assert b'name="by_account"' in book.read("xl/workbook.xml")
        sheets = [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/")]
        texts = book.read("xl/sharedStrings.xml")
    assert len(sheets) == 2
    assert b"HYPERLINK" in texts
    assert all(b"<f>" not in sheet for sheet in sheets)
    assert b"<t>'=HYPERLINK" in texts  # also where somebody saves the sheet as CSV


def test_an_xlsx_has_numbers_shares_and_times_as_such():
    report = Hours(of="acme", click_through_rate=0.25, by_hour=[HourRow(datetime(2026, 9, 21, 14, tzinfo=UTC), 7)])
    with zipfile.ZipFile(io.BytesIO(as_xlsx([report]))) as book:
        totals, by_hour = (book.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2))
        styles = book.read("xl/styles.xml").decode()

    assert re.search(r'<c r="B2" s="\d+"><v>0.25</v>', totals)
    assert "0.0%" in styles
    assert re.search(r'<c r="B2" s="\d+"><v>46286.58333', by_hour)  # days since 1899-12-30
    assert "yyyy-mm-dd hh:mm:ss" in styles
    assert '<c r="C2"><v>7</v>' in by_hour


def test_a_european_csv_has_semicolons_and_decimal_commas():
    written = as_csv([REPORT], EXCEL_EU)

    assert written.startswith(b"\xef\xbb\xbfof;table;row;figure;value\r\n")
    assert b"acme;totals;;click_through_rate;0,25\r\n" in written
    assert b"acme;by_account;'=HYPERLINK(1);clicks;3\r\n" in written
