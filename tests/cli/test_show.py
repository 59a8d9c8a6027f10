"""What a terminal shows of what visitors and senders wrote."""

import json

import pytest

from cli.show import as_json, fields, printable, rows

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
