"""One record, one line of JSON, whatever visitors and disks put into it."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.logs import JsonFormatter, TerminalFormatter

FORGED = 'x\n{"level":"error","event":"forged"}\r\n\x00\x1b[2J'


def logged(formatter, event, error=None, **fields):
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.error(event, extra=fields, exc_info=error)
    return out.getvalue()


@pytest.mark.parametrize(
    "value",
    [FORGED, "\udcff", b"\xff\n", 2**70, float("nan"), {"a\n": "\ud800"}, object()],
    ids=lambda value: type(value).__name__,
)
def test_a_record_is_one_line_of_json_without_forged_fields(value):
    text = logged(JsonFormatter("edge"), "tap: one came", visitor=value)

    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    assert set(json.loads(text)) == {"at", "level", "process", "event", "message", "visitor"}
    assert (json.loads(text)["level"], json.loads(text)["event"]) == ("error", "tap")


@given(st.text())
def test_no_text_ends_a_line(text):
    line = logged(JsonFormatter("edge"), "a tap", visitor=text)

    assert line.count("\n") == 1
    assert json.loads(line)["visitor"] == text


def test_a_record_has_an_event_to_search_for_and_a_sentence_to_read():
    line = json.loads(logged(JsonFormatter("edge"), "insert_deferred: ClickHouse is unavailable: it refuses"))

    assert (line["event"], line["message"]) == ("insert_deferred", "ClickHouse is unavailable: it refuses")


def test_a_library_that_knows_no_events_is_named():
    line = json.loads(logged(JsonFormatter("edge"), "Task was destroyed: it was pending"))

    assert (line["event"], line["logger"]) == ("library", "test")
    assert line["message"] == "Task was destroyed: it was pending"


def test_a_traceback_stays_in_its_record():
    line = logged(JsonFormatter("edge"), "it failed", error=ValueError(FORGED))

    assert line.count("\n") == 1
    assert "ValueError" in json.loads(line)["exception"]


def test_on_a_terminal_no_visitor_moves_the_cursor():
    line = logged(TerminalFormatter("edge"), "a tap", visitor=FORGED, host="go.acme.example")

    assert line[:-1].isprintable()
    assert line.endswith("host=go.acme.example\n")
