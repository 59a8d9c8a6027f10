"""Canaries are in no figure but their own."""

import pytest

from tests.support.click_rows import click

CANARY = "canary:own-phone"
FIGURES = {
    "broadcast_report": "links, contacts, human_clicks, scanner_clicks, unique_contacts, last_human_click_at",
    "destination_report": "links, contacts, human_clicks, machine_clicks, unique_contacts",
    "audience_report": "links, contacts, human_clicks, machine_clicks, unique_contacts",
    "keyword_report": "links, human_clicks, machine_clicks, visitors, unique_contacts",
    "contact_clicks": "contact_id, links, human_clicks, machine_clicks",
    "mark_report": "human_clicks, machine_clicks, unique_contacts",
    "hourly_clicks": "hour, clicks, unique_contacts",
    "forwarded_links": "link_id, devices, other_clicks",
}


async def link(clickhouse, link_id, contact_id):
    row = {"link_id": link_id, "account": "main", "broadcast_id": "spring", "contact_id": contact_id, "minted_at": 1}
    await clickhouse.insert_rows("links", [row])


async def tap(clickhouse, link_id, contact_id, visit_class="human", **fields):
    await click(clickhouse, contact_id, visit_class, link_id=link_id, query_marks={"utm_source": "sms"}, **fields)


@pytest.fixture
async def spring(clickhouse):
    await link(clickhouse, 1, "c-1")
    await link(clickhouse, 2, "")
    for os in ("iOS", "Android"):
        await tap(clickhouse, 1, "c-1", os=os)
    await tap(clickhouse, 2, "", "scanner")
    return clickhouse


async def figures(clickhouse):
    return {
        view: await clickhouse.rows(f"SELECT {what} FROM {view} ORDER BY ALL", dict) for view, what in FIGURES.items()
    }


async def test_canaries_change_no_figure_but_their_own(spring):
    before = await figures(spring)

    for number in range(10):
        await link(spring, 10 + number, f"canary:{number}")
    for number, os, visit_class in ((0, "iOS", "human"), (0, "Android", "human"), (1, "", "scanner"), (2, "", "bot")):
        await tap(spring, 10 + number, f"canary:{number}", visit_class, os=os, after_s=7200.0)

    assert await figures(spring) == before
    assert [row["other_clicks"] for row in before["forwarded_links"]] == [1]
    (report,) = await spring.rows("SELECT * FROM canary_report", dict)
    assert (report["links"], report["tapped"], report["judged_human"]) == (10, 3, 1)
    kinds = "SELECT groupArray((kind, n)) FROM (SELECT kind, count() AS n FROM links GROUP BY kind ORDER BY kind)"
    assert await spring.value(kinds) == [["canary", 10], ["personal", 1], ["shared", 1]]


async def test_a_visit_that_would_not_count_on_another_link_is_no_tap_of_a_canary(clickhouse):
    await link(clickhouse, 1, CANARY)
    await tap(clickhouse, 1, CANARY, "bot", purpose="own-verify")
    await tap(clickhouse, 1, CANARY, "human", refusal="expired")
    await tap(clickhouse, 1, CANARY, "human", status=410)

    assert await clickhouse.value("SELECT tapped FROM canary_report") == 0


async def test_rows_from_before_are_of_no_canary(clickhouse):
    await click(clickhouse, "canary-1")
    await click(clickhouse, "Canary:1")

    assert await clickhouse.value("SELECT countIf(engaged) FROM clicks") == 2
