"""Fields of contacts that destinations name: kept with the links, and nothing half minted."""

from records.keys import BLOCK_BITS, block_key
from tests.support.edge import Edge
from tests.support.links import link_in_redis

ORDER = "https://shop.acme.example/o/{order}?n={first_name}"
ADA = {"contact_id": "c-1", "fields": {"order": "17", "first_name": "Ada", "shoe": "43"}}


async def test_the_fields_that_destinations_name_travel_with_the_link(control, redis, clickhouse, tmp_path):
    control.broadcast(destinations=(ORDER,))
    (line,) = control.mint([ADA]).body

    kept = {"order": "17", "first_name": "Ada"}
    assert await clickhouse.value("SELECT any(fields) FROM links") == kept
    in_redis = await link_in_redis(redis, line["link_id"])
    assert in_redis.fields == kept
    page = control.call("GET", f"/v1/links/go.acme.example/{line['code']}").body
    assert page["goes_to"] == "https://shop.acme.example/o/17?n=Ada"


async def test_a_link_that_lies_in_clickhouse_alone_has_its_fields_too(
    control, redis, clickhouse, valkey_url, clickhouse_url, tmp_path
):
    control.broadcast(destinations=(ORDER,))
    (line,) = control.mint([ADA]).body
    await redis.delete(block_key(line["link_id"] >> BLOCK_BITS))
    edge = Edge(valkey_url, clickhouse_url, tmp_path, TAPTRAIL_DRAIN_S="0")  # no aggregator takes its clicks

    try:
        assert edge.tap(line["link_id"]) == "https://shop.acme.example/o/17?n=Ada"
    finally:
        edge.stop()

    refilled = await link_in_redis(redis, line["link_id"])
    assert refilled.fields == {"order": "17", "first_name": "Ada"}


async def test_a_broadcast_without_fields_keeps_none(control, clickhouse):
    control.broadcast()
    control.mint([ADA])

    assert await clickhouse.value("SELECT any(fields) FROM links") == {}


async def test_a_line_that_lacks_a_field_is_named_and_nothing_is_minted(control, clickhouse):
    control.broadcast(destinations=(ORDER,))

    answer = control.mint([ADA, {"contact_id": "c-2", "fields": {"order": "18"}}])

    assert (answer.status, answer.body["line"], answer.body["field"]) == (422, 2, "first_name")
    assert await clickhouse.value("SELECT count() FROM taptrail_internal.mints") == 0


async def test_destinations_begin_to_name_a_field_only_when_every_link_has_it(control):
    control.broadcast(destinations=("https://shop.acme.example/",))
    control.mint([{"contact_id": "c-1"}])

    refused = control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [ORDER]})

    assert (refused.status, refused.body["field"]) == (409, "destinations")
    assert "1 links were minted without the field first_name, order" in refused.body["detail"]


async def test_a_field_goes_and_comes_back_where_links_have_it(control):
    control.broadcast(destinations=(ORDER,))
    control.mint([ADA])

    for destination in ("https://shop.acme.example/", ORDER):
        assert control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [destination]}).status == 200


async def test_a_shared_link_takes_no_destination_with_a_field(control):
    control.broadcast(destinations=(ORDER,))
    own = {"short_domain": "go.acme.example", "destination": ORDER}

    refused = [control.call("POST", "/v1/links", body) for body in (own, {"broadcast_id": "spring", "slug": "SALE"})]

    assert [(answer.status, answer.body["field"]) for answer in refused] == [
        (422, "destination"), (422, "destination_index"),
    ]  # fmt: skip
