"""From a text and contacts to messages, through the API."""

import json

from tests.support.control import DOMAIN

SHOP = "https://shop.acme.example/o/{order}"
TEXT = f"Hi {{first_name|there}}, track it: {SHOP}"
ADA = {"contact_id": "c-1", "fields": {"order": "17", "first_name": "Ada"}}
BOB = {"contact_id": "c-2", "fields": {"order": "18", "first_name": "Zoë’s"}}


def put(control, text=TEXT, broadcast_id="spring", **fields):
    assert control.call("PUT", f"/v1/domains/{DOMAIN}", {}).status in (200, 201)
    body = {"short_domain": DOMAIN, "text": text, **fields}
    return control.call("PUT", f"/v1/broadcasts/{broadcast_id}", body)


def compose(control, lines, query="", **headers):
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return control.call("POST", f"/v1/broadcasts/spring/messages{query}", body, **headers)


async def test_the_urls_of_a_text_are_the_destinations(control):
    answer = put(control, f"{TEXT} or https://shop.acme.example/b\r\nBye {SHOP}")

    assert answer.status == 201, answer.body
    assert answer.body["destinations"] == [SHOP, "https://shop.acme.example/b"]
    assert answer.body["text"] == f"{TEXT} or https://shop.acme.example/b\nBye {SHOP}"


async def test_every_contact_gets_its_message_with_its_links(control):
    put(control)

    answer = compose(control, [ADA, BOB])

    assert answer.status == 200
    ada, bob = answer.body
    url = ada["links"][0]["short_url"]
    assert ada == {
        "contact_id": "c-1", "text": f"Hi Ada, track it: {url}", "encoding": "gsm7", "segments": 1,
        "units": len(f"Hi Ada, track it: {url}"),
        "links": [{"destination_index": 0, "code": url[-9:], "short_url": url}], "warnings": [],
    }  # fmt: skip
    assert (bob["encoding"], bob["segments"]) == ("ucs2", 1)
    assert bob["warnings"] == [{"warning": "unicode-because-of", "character": "ë", "field": "first_name"}]
    page = control.call("GET", f"/v1/links/{DOMAIN}/{url[-9:]}").body
    assert page["goes_to"] == "https://shop.acme.example/o/17"


async def test_a_text_without_a_way_out_is_warned_of_where_its_domain_asks_for_that(control):
    put(control)
    asked = control.call("PATCH", f"/v1/domains/{DOMAIN}", {"asks_opt_out": True})

    dry, (line,) = compose(control, [ADA], "?dry_run=true").body, compose(control, [ADA]).body
    found = control.call("POST", "/v1/broadcasts/spring/verify", {"fetch": False}).body

    assert asked.body["asks_opt_out"] is True
    assert [each["warning"] for each in dry["warnings"]] == ["no-opt-out"]
    assert line["warnings"] == [{"warning": "no-opt-out"}]
    assert ("text", "no-opt-out") in [(each.get("check"), each.get("detail", "").split(":")[0]) for each in found]
    control.call("PATCH", f"/v1/domains/{DOMAIN}", {"asks_opt_out": False})
    assert compose(control, [ADA]).body[0]["warnings"] == []


async def test_the_same_key_gives_the_same_messages(control, clickhouse):
    put(control)

    first, second = (compose(control, [ADA, BOB], Idempotency_Key="k").body for _ in range(2))

    assert first == second
    assert await clickhouse.value("SELECT count() FROM links") == 2


async def test_a_dry_run_counts_and_mints_nothing(control, clickhouse):
    put(control, f"Hi {{first_name}}! {'x' * 120} {SHOP}?utm_source=sms&utm_campaign=spring&utm_medium=text")

    answer = compose(control, [ADA, BOB], "?dry_run=true")

    assert answer.status == 200, answer.body
    assert (answer.body["messages"], answer.body["segments"], answer.body["by_segments"]) == (2, 5, {"2": 1, "3": 1})
    assert answer.body["by_encoding"] == {"gsm7": 1, "ucs2": 1}
    assert answer.body["segments_before"] == 6
    found = {warned["warning"]: warned for warned in answer.body["warnings"]}
    assert {name: warned["count"] for name, warned in found.items()} == {
        "more-than-one-segment": 2, "unicode-because-of": 1,
    }  # fmt: skip
    assert found["unicode-because-of"]["examples"] == [{"contact_id": "c-2", "character": "ë", "field": "first_name"}]
    assert [sample["contact_id"] for sample in answer.body["samples"]] == ["c-1", "c-2"]
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


async def test_a_missing_field_is_named_or_its_line_left_out(control, clickhouse):
    put(control)
    lacking = {"contact_id": "c-3", "fields": {"first_name": "Eve"}}

    refused = compose(control, [ADA, lacking])
    assert (refused.status, refused.body["line"], refused.body["field"]) == (422, 2, "order")
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0

    left_out, bob = compose(control, [lacking, BOB], "?missing=skip").body
    assert (left_out["line"], "order is missing" in left_out["error"]) == (1, True)
    assert bob["contact_id"] == "c-2"


async def test_a_contact_twice_with_other_fields_is_refused_by_line(control):
    put(control)

    refused = compose(control, [ADA, {"contact_id": "c-1", "fields": {"order": "99"}}])

    assert (refused.status, refused.body["line"]) == (422, 2)


async def test_a_text_and_destinations_belong_together(control):
    strange = put(control, destinations=["https://shop.acme.example/a"])
    assert (strange.status, strange.body["field"]) == (422, "text")
    assert "none of the destinations" in strange.body["detail"]

    neither = put(control, text="")
    assert (neither.status, neither.body["field"]) == (422, "destinations")

    for text, named in (
        ("{first_name https://a.example", "line 1, column 1"),
        ("no link", "holds no URL"),
        ("https://{order}.example/", "scheme or host"),
        ("https://a.example " + "x" * 20_000, "at most 10000"),
        ("https://a.example/{order}{first_name}", "step in the path"),
        ("https://10.0.0.1/x", "not a public address"),
    ):
        refused = put(control, text)
        assert (refused.status, named in refused.body["detail"]) == (422, True), refused.body


async def test_a_text_follows_a_destination_that_is_fixed(control):
    put(control)
    fixed = "https://shop.acme.example/order/{order}"

    answer = control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [fixed]})

    assert answer.body["text"] == TEXT.replace(SHOP, fixed)
    assert compose(control, [ADA]).status == 200


async def test_another_text_brings_its_own_urls(control):
    put(control)

    answer = control.call("PATCH", "/v1/broadcasts/spring", {"text": "New: https://shop.acme.example/n"})

    assert answer.body["destinations"] == ["https://shop.acme.example/n"]


async def test_a_broadcast_without_text_gives_no_messages(control):
    control.broadcast()

    assert (compose(control, [ADA]).status, compose(control, [ADA]).body["field"]) == (422, "text")


async def test_a_line_that_asks_for_one_of_several_links_is_refused(control):
    put(control, f"{SHOP} https://shop.acme.example/b")

    refused = compose(control, [ADA, BOB | {"destination_index": 1}])

    assert (refused.status, refused.body["line"], refused.body["field"]) == (422, 2, "destination_index")
