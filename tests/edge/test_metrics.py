"""What an edge counts is what visitors got."""

import asyncio

from tests.support.edge import cipher, store
from tests.support.eventually import eventually, wait_until
from tests.support.links import remove_link


async def test_every_visit_is_counted_by_its_outcome_and_timed_in_every_stage(edge):
    for link_id in range(3):
        edge.tap(link_id)
    edge.get("/nope")
    edge.get("/nope", host="other.example")

    assert edge.metric("taptrail_redirects_total", status="302", link="personal") == 3
    assert edge.metric("taptrail_refusals_total", reason="unknown_code", domain="known") == 1
    assert edge.metric("taptrail_refusals_total", reason="unknown_host", domain="unknown") == 1
    assert edge.metric("taptrail_redirect_seconds_count") == 5
    for stage in ("resolve", "decide", "record", "respond"):
        assert edge.metric("taptrail_redirect_stage_seconds_count", stage=stage) == 5
    assert edge.metric("taptrail_redirect_seconds_sum") >= edge.metric("taptrail_redirect_stage_seconds_sum") * 0.99


async def test_a_link_counts_with_the_layer_that_was_asked(edge, redis):
    await remove_link(redis, 3)
    edge.tap(1)
    in_clickhouse = edge.metric("taptrail_lookups_total", layer="clickhouse")
    edge.tap(2)
    edge.tap(2)
    memory = edge.metric("taptrail_lookups_total", layer="memory")

    edge.tap(3)

    assert in_clickhouse == 0
    assert memory >= 1
    assert edge.metric("taptrail_lookups_total", layer="clickhouse") == 1
    assert edge.metric("taptrail_origin_query_keys_count") >= 1


async def test_the_oldest_click_ages_while_redis_is_away_and_no_longer(edges, own_valkey, clickhouse):
    edge = edges(redis_url=own_valkey.url)
    await store(clickhouse)
    wait_until(lambda: edge.tap(1) != 503)
    wait_until(lambda: edge.metric("taptrail_clicks_waiting"), equals=0)

    own_valkey.kill()
    edge.tap(1)

    await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_oldest_waiting_seconds"), lambda age_s: age_s > 1)
    own_valkey.start()
    await eventually(lambda: asyncio.to_thread(edge.metric, "taptrail_oldest_waiting_seconds"), equals=0)
    assert edge.metric("taptrail_oldest_unsettled_seconds") > 1  # nobody moves it on to ClickHouse


async def test_a_tap_that_is_lost_to_letters_behind_the_link_is_counted_and_named_once_a_minute(edge):
    for text in ("Danke", "and", "1"):
        assert edge.get(f"/{cipher.seal(5)}{text}").status == 404
    edge.get("/nope12345Danke")

    assert edge.metric("taptrail_text_glued_total") == 3
    assert edge.log.read_text().count("text_glued_to_code") == 1
