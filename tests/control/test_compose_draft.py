"""What a text gives before there is a broadcast."""

import pytest

from tests.support.control import DOMAIN

TEXT = "Hi {first_name|there}, {order} is on its way: https://shop.acme.example/o/{order}"


@pytest.fixture
def compose(control):
    control.call("PUT", f"/v1/domains/{DOMAIN}", {"asks_opt_out": True})
    return lambda **body: control.call("POST", "/v1/compose", {"short_domain": DOMAIN, "text": TEXT, **body})


async def test_a_text_is_counted_for_one_made_up_contact(compose, clickhouse):
    answer = compose()

    assert answer.status == 200, answer.body
    draft, (sample,) = answer.body, answer.body["samples"]
    assert draft["fields"] == ["first_name", "order"]
    assert draft["destinations"] == ["https://shop.acme.example/o/{order}"]
    assert sample["text"] == f"Hi first_name, order is on its way: https://{DOMAIN}/000000000"
    assert (sample["segments"], sample["units"]) == (1, len(sample["text"]))
    assert [warning["warning"] for warning in draft["warnings"]] == ["no-opt-out"]
    assert await clickhouse.value("SELECT count() FROM links") == 0
    assert await clickhouse.value("SELECT count() FROM broadcasts") == 0


async def test_contacts_that_are_given_get_their_texts_and_those_without_a_field_are_named(compose):
    ada = {"contact_id": "c-1", "fields": {"first_name": "Zoë’s", "order": "17"}}

    draft = compose(contacts=[ada, {"contact_id": "c-2"}]).body

    assert (draft["messages"], draft["skipped"], draft["by_encoding"]) == (1, 1, {"ucs2": 1})
    assert draft["errors"][0]["line"] == 2
    (unicode,) = [each for each in draft["warnings"] if each["warning"] == "unicode-because-of"]
    assert unicode["examples"] == [{"contact_id": "c-1", "character": "ë", "field": "first_name"}]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"text": " "}, "text", "text is empty"),
        ({"text": "Hi {first_name"}, "text", "text "),
        ({"text": "no link"}, "text", "text "),
        ({"text": "Hi http://127.0.0.1/"}, "destinations[0]", "127.0.0.1"),
    ],
)
async def test_a_text_in_writing_is_told_what_it_lacks(compose, body, field, said):
    answer = compose(**body)

    assert (answer.status, answer.body["field"]) == (200, field), answer.body
    assert said in answer.body["fault"]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"short_domain": "no.such.example"}, "short_domain", "there is no domain"),
        ({"contacts": [{"contact_id": "c"}] * 101}, "contacts", "100"),
    ],
)
async def test_what_nobody_can_write_on_is_refused_by_the_field(compose, body, field, said):
    answer = compose(**body)

    assert (answer.status, answer.body["field"]) == (422, field), answer.body
    assert said in answer.body["detail"]
