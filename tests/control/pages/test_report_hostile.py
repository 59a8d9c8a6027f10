"""A report whose every name was chosen by somebody hostile, and broadcasts at the edges of what there can be."""

import html
import re
from hashlib import sha256
from urllib.parse import parse_qsl

import pytest
from markupsafe import escape

from control.http.calls.reports import MAX_FILTER
from tests.control.pages.test_sessions import ask, signed_in
from tests.support.click_rows import click
from tests.support.control import SHOP

EVIL = "<script>alert(1)</script>\"'>&{{7*7}}\u202e"
LONG = EVIL + "\N{GREEK SMALL LETTER ALPHA}" * (255 - len(EVIL))
SHORT = LONG[:128]  # what an audience may have
AT = "2026-09-21T14:13:20Z"


def page_of(control, path):
    status, _, text = ask(control, "GET", path, Cookie=signed_in(control), Accept="text/html")
    return status, text


def figures_of(text):
    """Of the key figures, by their names."""
    found = re.findall(r"<dt>(.*?)(?:<sup.*?)?</dt><dd><span class=\"value\">(.*?)</span>", text, re.S)
    return {name.strip(): value for name, value in found}


@pytest.fixture
def name(request):
    """Of a broadcast: pages show what was read within two seconds, and the process serves all tests."""
    return sha256(request.node.name.encode()).hexdigest()[:12]


@pytest.fixture
async def evil(control, clickhouse, name):
    control.broadcast(name, sent_at=AT, text=f"Hi {EVIL.replace('{{7*7}}', '')} {SHOP}", keyword="<b>")
    control.mint([{"contact_id": "c-1", "audience": SHORT.replace("\u202e", "")}], name)
    names = dict.fromkeys(("device_type", "os", "browser", "country", "region", "audience"), LONG)
    await click(clickhouse, LONG, broadcast_id=name, **names)
    await click(clickhouse, "c-1", "scanner", broadcast_id=name, class_reasons=[LONG])
    return control


async def test_what_others_chose_is_text_that_keeps_its_direction_to_itself(evil, name):
    status, text = page_of(evil, f"/reports/{name}")

    assert status == 200
    assert "<script>alert" not in text
    assert "{{7*7}}" in text
    assert text.count(str(escape(LONG))) >= 7
    body = re.sub(r"<[^>]*>", lambda tag: tag[0] if "bdi" in tag[0] else "", text.partition("<main")[2])
    for found in re.finditer("\u202e", body):
        before = body[: found.start()]
        opened, closed = before.count("<bdi") + before.count("\u2068"), before.count("</bdi>") + before.count("\u2069")
        assert opened > closed, before[-200:]


@pytest.mark.parametrize("column", ["audience", "device", "os", "browser", "country", "region"])
async def test_a_line_narrows_to_exactly_its_name(evil, name, column):
    _, text = page_of(evil, f"/reports/{name}")
    addresses = {html.unescape(found) for found in re.findall(r'<th[^>]*><a href="([^"]*)"', text)}
    [address] = [
        one
        for one in addresses
        if dict(parse_qsl(one.partition("?")[2])).get(column) == LONG and (column == "region" or "region=" not in one)
    ]

    status, narrowed = page_of(evil, address)

    assert status == 200
    assert figures_of(narrowed)["Taps by people"] == "1"
    assert "<script>alert" not in narrowed


async def test_a_filter_has_a_bounded_length_and_a_known_value(control, name):
    control.broadcast(name)

    for query in (
        f"os={'a' * (MAX_FILTER + 1)}",
        "class=person",
        "destination=-1",
        "tz=Mars/Olympus",
        "cursor=x",
        "x=1",
    ):
        status, text = page_of(control, f"/reports/{name}?{query}")
        assert status == 422, query
        assert "<h1>A value is not valid</h1>" in text


async def test_an_unknown_broadcast_is_a_page(control):
    status, text = page_of(control, "/reports/%3Cb%3Enone")

    assert status == 404
    assert "<b>none" not in text


async def test_a_broadcast_that_nobody_tapped_says_so(control, name):
    control.broadcast(name)
    status, text = page_of(control, f"/reports/{name}")

    assert status == 200
    assert figures_of(text)["People who tapped"] == "0"
    assert "Not sent yet" in text
    assert "Nobody has tapped yet" in text


async def test_taps_before_the_send_are_warned_of_and_in_no_time_to_tap(control, clickhouse, name):
    control.broadcast(name, sent_at=AT)
    control.mint([{"contact_id": "c-1"}, {"contact_id": "c-2"}], name)
    await click(clickhouse, "c-1", after_s=-3_600, broadcast_id=name)
    await click(clickhouse, "c-2", after_s=86_400 * 3_000, broadcast_id=name)  # an edge whose clock is years ahead

    status, text = page_of(control, f"/reports/{name}")

    assert status == 200
    assert "Before the send: 1" in text
    assert "Put sent_at right." in text
    assert figures_of(text)["People who tapped"] == "2"
    assert figures_of(text)["Half had tapped after"] == "3000 days"


@pytest.mark.parametrize("sent_at", ["1971-01-02T00:00:00Z", "2998-12-31T00:00:00Z"])
async def test_a_send_at_the_edge_of_time_is_shown(control, clickhouse, name, sent_at):
    control.broadcast(name, sent_at=sent_at)
    control.mint([{"contact_id": "c-1"}], name)
    await click(clickhouse, "c-1", broadcast_id=name)

    status, text = page_of(control, f"/reports/{name}")

    assert status == 200
    assert sent_at[:4] in text, text.partition("lead")[2][:200]
