"""What people and systems may not put into a broadcast or a link, refused by name before anything is written."""

import pytest

from tests.support.control import DOMAIN, SHOP

CONTROLS = ["\x00", "\r\nx: y", "\x85"]


@pytest.mark.parametrize("text", CONTROLS)
@pytest.mark.parametrize("field", ["keyword", "source"])
async def test_a_control_character_in_a_word_is_refused_wherever_the_word_is_given(control, clickhouse, field, text):
    control.broadcast()
    body = {"short_domain": DOMAIN, "destinations": [SHOP], field: f"a{text}b"}
    link = {"short_domain": DOMAIN, "destination": SHOP, field: f"a{text}b"}

    answers = [
        control.call("PUT", "/v1/broadcasts/other", body),
        control.call("PATCH", "/v1/broadcasts/spring", {field: f"a{text}b"}),
        control.call("POST", "/v1/links", link),
    ]

    assert [(one.status, one.body["field"]) for one in answers] == [(422, field)] * 3
    assert all(f"U+{ord(text[0]):04X}" in one.body["detail"] for one in answers)
    assert await clickhouse.value("SELECT uniqExact(broadcast_id) FROM broadcasts") == 1
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


@pytest.mark.parametrize("text", CONTROLS)
@pytest.mark.parametrize("field", ["contact_id", "audience"])
async def test_a_control_character_in_a_contact_is_refused_with_its_line(control, clickhouse, field, text):
    control.broadcast()

    answer = control.mint([{"contact_id": "c-1"}, {"contact_id": "c-2"} | {field: f"a{text}b"}])

    assert (answer.status, answer.body["field"], answer.body["line"]) == (422, field, 2)
    assert await clickhouse.value("SELECT count() FROM links") == 0


async def test_words_of_every_language_are_accepted(control):
    made = control.broadcast(keyword="Été 春 🎉 'quoted' \"<b>\"", source="sms\u2028x")

    assert made["keyword"] == "Été 春 🎉 'quoted' \"<b>\""


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"destinations": ["javascript:alert(1)"]}, "destinations[0]"),
        ({"destinations": [SHOP, "https://go.new.example/x"]}, "destinations[1]"),
        ({"fallback": "javascript:alert(1)"}, "fallback"),
        ({"keyword": "\x00"}, "keyword"),
        ({"valid_from": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_an_unknown_domain_is_named_only_where_nothing_else_is_wrong(control, fields, named):
    body = {"short_domain": "go.new.example", "destinations": [SHOP]}

    wrong = control.call("PUT", "/v1/broadcasts/spring", body | fields)
    right = control.call("PUT", "/v1/broadcasts/spring", body)

    assert (wrong.status, wrong.body["field"]) == (422, named), "a client would register the domain for nothing"
    assert (right.status, right.body["field"]) == (422, "short_domain")
