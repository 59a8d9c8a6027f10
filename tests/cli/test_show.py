"""What a terminal shows of what visitors and senders wrote."""

import json
import sys
from io import StringIO

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from cli.__main__ import taptrail
from cli.lists import as_csv
from cli.plain import as_json, printable
from cli.show import fields, rows

CONTROLS = ["\x1b[2J", "\x9b2J", "\x07", "\x7f", "\u202e", "\u2066", "\r"]


@pytest.mark.parametrize("control", CONTROLS)
def test_nothing_that_steers_a_terminal_is_printed(capsys, control):
    record = {"user_agent": f"phone{control}", "code": "aB3dE5fG7"}

    as_json(record)
    fields(record)
    rows("Taps", [record])

    shown = capsys.readouterr().out
    assert control not in shown
    assert shown.count("phone") == 3


def test_json_says_the_same_with_its_escapes(capsys):
    record = {"user_agent": "".join(CONTROLS) + "é"}

    as_json(record)

    assert json.loads(capsys.readouterr().out) == record


def test_ordinary_text_is_printed_as_it_is():
    assert printable("Zoë, 東京, tab\tand\nline") == "Zoë, 東京, tab\tand\nline"


class Terminal(StringIO):
    def isatty(self):
        return True


def on_terminal(title, records):
    """The lines that a terminal of 80 columns gets."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "80")
        patched.setattr(sys, "stdout", Terminal())
        rows(title, records)
        return sys.stdout.getvalue().splitlines()


TAP = {
    "clicked_at": "2026-05-01T09:30:00.123000Z", "visit_class": "human", "contact_id": "+4915112345601",
    "destination_index": 0, "device_type": "desktop", "country": "DE", "code": "a1B2c3D4e",
}  # fmt: skip
URL = "https://shop.acme.example/a/long/landing/page?utm_source=sms&utm_medium=text&order=A-1001"


def test_a_table_that_is_too_wide_keeps_its_short_fields_in_a_line():
    lines = on_terminal("Clicks", [TAP, TAP | {"visit_class": "bot", "country": None}])

    assert max(map(cell_len, lines)) <= 80
    title, *heads, first, second = [line.split() for line in lines]
    assert (title, heads) == (
        ["Clicks"], [["clicked", "visit", "contact", "destination", "device", "country", "code"],
                     ["at", "class", "id", "index", "type"]],
    )  # fmt: skip
    assert first == ["2026-05-01", "09:30:00Z", "human", "+4915112345601", "0", "desktop", "DE", "a1B2c3D4e"]
    assert second[2:3] + second[-2:] == ["bot", "-", "a1B2c3D4e"]


def test_a_long_field_stands_whole_below_its_line():
    links = [
        {"broadcast_id": "autumn", "goes_to": URL, "state": "live"},
        {"broadcast_id": "春", "goes_to": "", "state": ""},
    ]

    assert on_terminal("", links) == [
        "broadcast  state", "id", "autumn     live", f"  goes to: {URL}", "春         -", "  goes to: -",
    ]  # fmt: skip


def test_a_table_that_fits_is_a_table():
    lines = on_terminal("", [{"short_domain": "go.acme.example", "home": "https://shop.acme.example/of/acme"}])

    assert len(lines) == 2
    assert max(map(cell_len, lines)) <= 80


def test_what_is_piped_is_one_line_a_record_however_long(capsys):
    rows("", [TAP | {"goes_to": URL}])

    _, line = capsys.readouterr().out.splitlines()
    assert line.split() == [TAP["clicked_at"], "human", TAP["contact_id"], "0", "desktop", "DE", TAP["code"], URL]


@pytest.mark.parametrize(
    "value", ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+cmd|x", "-2+3+cmd|x", "\tx", "\uff1d1", "=", "+=1", "-\n=1"]
)
def test_no_cell_of_a_csv_is_a_formula(capsys, value):
    as_csv([{"user_agent": value}], ["user_agent"])

    assert capsys.readouterr().out.splitlines()[1].lstrip('"').startswith("'")


@pytest.mark.parametrize("value", ["+49 (151) 1234-5601", "-3.5", "+4915112345601", "", "a=b", "2026-05-01"])
def test_a_number_and_a_text_are_a_cell_as_they_are(capsys, value):
    as_csv([{"contact_id": value, "other": "x"}], ["contact_id"])

    assert capsys.readouterr().out.splitlines()[1] == f"{value},x"


@pytest.mark.parametrize("control", CONTROLS)
def test_no_error_steers_a_terminal(tmp_path, control):
    contacts = tmp_path / "contacts.csv"
    contacts.write_text("contact_id\na\n")
    arguments = ("--domain", "go.acme.example", "--broadcast", "b", "--contacts", contacts, "--out", f"no{control}/o")

    done = CliRunner().invoke(taptrail, ["mint", *map(str, arguments)], color=True)

    assert done.output == f"Error: the folder of --out {printable(f'no{control}/o')} does not exist\n"
