import re
from pathlib import Path

import pytest

from tests.support.click_rows import SENT, click
from tests.support.control import DOMAIN, SHOP, contacts

(FORGET_CLICK_IDS,) = re.findall("`(ALTER TABLE clicks UPDATE query_marks.*?)`", Path("SECURITY.md").read_text())


@pytest.fixture
async def sent(control):
    """A broadcast sent to three VIPs and one new contact."""
    control.broadcast(sent_at="2026-09-21T14:13:20Z", keyword="SPRING")
    control.mint([*contacts(3, audience="vip"), {"contact_id": "c-9", "audience": "new"}])
    return control


async def test_engagement_counts_people_that_were_redirected(sent, clickhouse):
    await click(clickhouse, "c-0", audience="vip", device_type="phone", country="US")
    await click(clickhouse, "c-0", after_s=90, audience="vip", device_type="tablet", country="US")
    await click(clickhouse, "c-1", "preview", audience="vip")
    await click(clickhouse, "c-1", "bot", audience="vip")
    await click(clickhouse, "c-2", status=410, audience="vip")

    report = sent.call("GET", "/v1/broadcasts/spring/report").body

    assert (report["links"], report["contacts"], report["unique_contacts"]) == (4, 4, 1)
    assert report["click_through_rate"] == 0.25
    assert report["clicks"] == {"human": 2, "preview": 1, "prefetch": 0, "scanner": 0, "bot": 1, "unknown": 0}
    assert report["by_audience"] == [
        {"audience": "vip", "links": 3, "clicks": 2, "unique_contacts": 1, "click_through_rate": pytest.approx(1 / 3)},
        {"audience": "new", "links": 1, "clicks": 0, "unique_contacts": 0, "click_through_rate": 0},
    ]
    assert report["by_device"] == [{"device_type": "phone", "clicks": 1}, {"device_type": "tablet", "clicks": 1}]
    assert report["by_country"] == [{"country": "US", "clicks": 2}]
    assert report["by_hour"] == [{"hour": "2026-09-21T14:00:00Z", "clicks": 2}]


async def test_people_sent_elsewhere_because_the_link_was_over_are_not_engagement(sent, clickhouse):
    await click(clickhouse, "c-0", audience="vip", keyword="SPRING", visitor_id=1)
    for number, reason in enumerate(("expired", "stopped", "not_yet")):
        fields = {"audience": "vip", "keyword": "SPRING", "visitor_id": 2 + number, "refusal": reason}
        await click(clickhouse, f"c-{number}", after_s=7200, country="CH", **fields)

    report = sent.call("GET", "/v1/broadcasts/spring/report").body

    assert (report["clicks"]["human"], report["unique_contacts"], report["click_through_rate"]) == (1, 1, 0.25)
    assert [(row["clicks"], row["unique_contacts"]) for row in report["by_destination"]] == [(1, 1)]
    assert [(row["clicks"], row["unique_contacts"]) for row in report["by_audience"]] == [(1, 1), (0, 0)]
    assert (report["by_hour"], report["by_country"]) == (
        [{"hour": "2026-09-21T14:00:00Z", "clicks": 1}],
        [{"country": "", "clicks": 1}],
    )
    for name in ("broadcast_report", "destination_report", "audience_report", "keyword_report", "contact_clicks"):
        assert await view(clickhouse, name, "sum(human_clicks) AS clicks") == [{"clicks": 1}], name
    assert await view(clickhouse, "hourly_clicks", "refusal, sum(clicks) AS clicks", "refusal") == [
        {"refusal": "", "clicks": 1},
        {"refusal": "expired", "clicks": 1},
        {"refusal": "not_yet", "clicks": 1},
        {"refusal": "stopped", "clicks": 1},
    ]


async def test_the_time_to_tap_is_from_sending_to_each_contacts_first_tap(sent, clickhouse):
    await click(clickhouse, "c-0", after_s=10)
    await click(clickhouse, "c-0", after_s=900)
    await click(clickhouse, "c-1", after_s=20)
    await click(clickhouse, "c-2", after_s=30)
    await click(clickhouse, "c-9", "preview", after_s=1)

    seconds = sent.call("GET", "/v1/broadcasts/spring/report").body["seconds_to_tap"]

    assert seconds["median"] == 20
    assert 20 <= seconds["p90"] <= 30


async def test_taps_from_before_the_sending_are_no_time_to_tap(sent, clickhouse):
    await click(clickhouse, "c-0", after_s=-300)  # somebody tried it
    await click(clickhouse, "c-0", after_s=40)
    await click(clickhouse, "c-1", after_s=-1)

    assert sent.call("GET", "/v1/broadcasts/spring/report").body["seconds_to_tap"]["median"] == 40

    sent.call("PATCH", "/v1/broadcasts/spring", {"sent_at": "2036-09-21T14:13:20Z"})
    report = sent.call("GET", "/v1/broadcasts/spring/report").body
    assert report["seconds_to_tap"] == {"median": None, "p90": None, "cumulative": []}
    assert report["unique_contacts"] == 2


async def test_without_a_time_of_sending_the_time_to_tap_is_from_the_first_minting(sent, clickhouse):
    minted_at = await clickhouse.value("SELECT toUnixTimestamp64Milli(min(minted_at)) / 1000 FROM links")
    await click(clickhouse, "c-0", after_s=minted_at - SENT + 25)
    await clickhouse.execute(
        "INSERT INTO broadcasts SELECT * REPLACE (0 AS sent_at_ms, version + 1 AS version) FROM broadcasts FINAL"
    )

    seconds = sent.call("GET", "/v1/broadcasts/spring/report").body["seconds_to_tap"]

    assert seconds["median"] == seconds["p90"] == pytest.approx(25, abs=0.01)
    await click(clickhouse, "c-8", broadcast_id="winter")
    sent.broadcast("winter")
    never = sent.call("GET", "/v1/broadcasts/winter/report").body["seconds_to_tap"]
    assert never == {"median": None, "p90": None, "cumulative": []}


async def test_personal_links_that_more_people_tapped_than_one_can_be_are_pointed_out(sent, clickhouse):
    for visitor in range(4):  # one link in everybody's message
        await click(clickhouse, "c-0", link_id=1, visitor_id=10 + visitor, after_s=visitor)
    for visitor in range(3):  # one person: at home, on the way, and in another browser
        await click(clickhouse, "c-1", link_id=2, visitor_id=20 + visitor)
    for day in range(5):  # one person, whose visitor id lives a day
        await click(clickhouse, "c-2", link_id=3, visitor_id=30 + day, after_s=day * 86_400)
    for visitor in range(5):
        await click(clickhouse, "c-9", "preview", link_id=4, visitor_id=40 + visitor)
        await click(clickhouse, "c-9", link_id=4, visitor_id=50 + visitor, refusal="expired")
        await click(clickhouse, "", link_id=5, visitor_id=60 + visitor)  # a poster is for everybody

    assert sent.call("GET", "/v1/broadcasts/spring/report").body["passed_on_links"] == 1
    assert await view(clickhouse, "contact_clicks", "contact_id, visitors") == [
        {"contact_id": "c-0", "visitors": 4},
        {"contact_id": "c-1", "visitors": 3},
        {"contact_id": "c-2", "visitors": 5},
        {"contact_id": "c-9", "visitors": 0},
    ]


async def test_each_destination_is_reported_with_its_url(control, clickhouse):
    control.broadcast(destinations=(SHOP, SHOP + "&2"))
    control.mint(contacts(2))
    await click(clickhouse, "c-1", destination_index=1)

    report = control.call("GET", "/v1/broadcasts/spring/report").body

    assert (report["links"], report["contacts"], report["click_through_rate"]) == (4, 2, 0.5)
    assert [(row["destination"], row["links"], row["unique_contacts"]) for row in report["by_destination"]] == [
        (SHOP, 2, 0), (SHOP + "&2", 2, 1),
    ]  # fmt: skip


async def test_a_broadcast_that_nobody_tapped_is_reported(control):
    control.broadcast()

    report = control.call("GET", "/v1/broadcasts/spring/report").body

    assert (report["links"], report["click_through_rate"], report["by_hour"]) == (0, 0, [])
    assert report["seconds_to_tap"] == {"median": None, "p90": None, "cumulative": []}
    assert control.call("GET", "/v1/broadcasts/winter/report").status == 404


async def test_a_broadcast_of_another_account_with_the_same_id_counts_apart(sent, clickhouse):
    await click(clickhouse, "c-0", account="acme")

    assert sent.call("GET", "/v1/broadcasts/spring/report").body["clicks"]["human"] == 0


async def view(clickhouse, name, columns, group_by=""):
    grouped = f"GROUP BY {group_by} " if group_by else ""
    return await clickhouse.rows(f"SELECT {columns} FROM {name} {grouped}ORDER BY ALL", dict)


async def test_the_views_say_what_the_report_says(sent, clickhouse):
    await click(clickhouse, "c-0", audience="vip", keyword="SPRING", visitor_id=1, country="US")
    await click(clickhouse, "c-9", audience="new", keyword="SPRING", visitor_id=2, after_s=7200, country="US")
    await click(clickhouse, "c-1", "bot", audience="vip", keyword="SPRING", visitor_id=3)
    await click(clickhouse, "c-1", status=410)

    assert await view(clickhouse, "broadcast_report", "links, contacts, human_clicks, bot_clicks, unique_contacts") == [
        {"links": 4, "contacts": 4, "human_clicks": 2, "bot_clicks": 1, "unique_contacts": 2}
    ]
    assert await view(clickhouse, "audience_report", "audience, links, human_clicks, click_through_rate AS rate") == [
        {"audience": "new", "links": 1, "human_clicks": 1, "rate": 1},
        {"audience": "vip", "links": 3, "human_clicks": 1, "rate": pytest.approx(1 / 3)},
    ]
    assert await view(clickhouse, "destination_report", "links, human_clicks, machine_clicks") == [
        {"links": 4, "human_clicks": 2, "machine_clicks": 1}
    ]
    assert await view(clickhouse, "keyword_report", "keyword, links, human_clicks, visitors, unique_contacts") == [
        {"keyword": "SPRING", "links": 4, "human_clicks": 2, "visitors": 2, "unique_contacts": 2}
    ]
    contacts_seen = await view(clickhouse, "contact_clicks", "contact_id, audience, human_clicks, machine_clicks")
    assert [tuple(row.values()) for row in contacts_seen] == [
        ("c-0", "vip", 1, 0), ("c-1", "vip", 0, 1), ("c-2", "vip", 0, 0), ("c-9", "new", 1, 0),
    ]  # fmt: skip


async def test_the_marks_of_queries_are_counted_by_value_and_click_ids_by_name(sent, clickhouse):
    await click(clickhouse, "c-0", query_marks={"utm_source": "chat", "gclid": "a"})
    await click(clickhouse, "c-0", query_marks={"utm_source": "chat", "gclid": "b"})
    await click(clickhouse, "c-1", "bot", query_marks={"utm_source": "mail"})
    await click(clickhouse, "c-1", refusal="stopped", query_marks={"utm_source": "mail"})
    await click(clickhouse, "c-2")

    marks = await view(clickhouse, "mark_report", "name, value, human_clicks, machine_clicks, unique_contacts")

    assert [tuple(row.values()) for row in marks] == [
        ("gclid", "", 2, 0, 1), ("utm_source", "chat", 2, 0, 1), ("utm_source", "mail", 0, 1, 0),
    ]  # fmt: skip
    await clickhouse.execute(f"{FORGET_CLICK_IDS} SETTINGS mutations_sync = 2")
    left = await view(clickhouse, "mark_report", "name, value, human_clicks")
    assert [tuple(row.values()) for row in left] == [("utm_source", "chat", 2), ("utm_source", "mail", 0)]


async def test_the_current_state_of_broadcasts_and_domains_is_one_row_each(sent, clickhouse):
    sent.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})

    assert await view(clickhouse, "broadcasts_now", "broadcast_id, stopped") == [
        {"broadcast_id": "spring", "stopped": True}
    ]
    times = "toString(sent_at) AS sent, expires_at"
    assert await view(clickhouse, "broadcasts_now", times) == [{"sent": "2026-09-21 14:13:20.000", "expires_at": None}]
    assert await view(clickhouse, "domains_now", "short_domain") == [{"short_domain": DOMAIN}]


async def test_the_hourly_view_is_answered_from_its_projection(sent, clickhouse):
    await click(clickhouse, "c-0")
    await click(clickhouse, "c-1", after_s=7200)

    rows = await clickhouse.rows(
        "SELECT toString(hour) AS hour, sum(clicks) AS clicks FROM hourly_clicks WHERE broadcast_id = 'spring'"
        " GROUP BY hour ORDER BY hour SETTINGS force_optimize_projection = 1",
        dict,
    )

    assert rows == [{"hour": "2026-09-21 14:00:00", "clicks": 1}, {"hour": "2026-09-21 16:00:00", "clicks": 1}]


async def test_links_without_a_contact_have_no_contacts_in_any_view(control, clickhouse):
    control.broadcast()
    body = {"short_domain": DOMAIN, "broadcast_id": "spring", "destination_index": 0, "slug": "SALE"}
    assert control.call("POST", "/v1/links", body).status == 201
    await click(clickhouse, "", visitor_id=1)
    await click(clickhouse, "", visitor_id=2)

    for name in ("broadcast_report", "destination_report", "audience_report", "keyword_report"):
        counted = await view(clickhouse, name, "sum(human_clicks) AS clicks, sum(unique_contacts) AS contacts")
        assert counted == [{"clicks": 2, "contacts": 0}], name
    hourly = await view(clickhouse, "hourly_clicks", "clicks, unique_contacts")
    assert hourly == [{"clicks": 2, "unique_contacts": 0}]
    await click(clickhouse, "c-1")
    await click(clickhouse, "c-2")
    hourly = await view(clickhouse, "hourly_clicks", "sum(clicks) AS clicks, sum(unique_contacts) AS contacts")
    assert hourly == [{"clicks": 4, "contacts": 2}]


async def test_a_broadcast_without_links_or_taps_is_in_the_report_of_all(control, clickhouse):
    control.broadcast("winter")
    control.broadcast()
    control.mint(contacts(2))
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})  # two rows of one broadcast

    assert await view(clickhouse, "broadcast_report", "* EXCEPT account") == [
        {
            "broadcast_id": broadcast_id, "links": links, "contacts": links,
            **{f"{name}_clicks": 0 for name in ("human", "preview", "prefetch", "scanner", "bot", "unknown")},
            "unique_contacts": 0, "click_through_rate": 0, "first_human_click_at": None, "last_human_click_at": None,
        }
        for broadcast_id, links in (("spring", 2), ("winter", 0))
    ]  # fmt: skip
    await click(clickhouse, "c-0", "bot")
    await click(clickhouse, "c-0", after_s=100)
    await click(clickhouse, "c-0", after_s=200)
    tapped = "toString(first_human_click_at) AS first, toString(last_human_click_at) AS last"
    assert await view(clickhouse, "broadcast_report", f"broadcast_id, {tapped}") == [
        {"broadcast_id": "spring", "first": "2026-09-21 14:15:00.000", "last": "2026-09-21 14:16:40.000"},
        {"broadcast_id": "winter", "first": None, "last": None},
    ]


async def test_a_tap_counts_for_the_destination_that_it_was_sent_to_also_after_a_fix(control, clickhouse):
    a, b = "https://shop.acme.example/a", "https://shop.acme.example/b"
    control.broadcast(destinations=(a, SHOP), keyword="SPRING")
    control.mint(contacts(3))
    for contact_id in ("c-0", "c-1"):
        await click(clickhouse, contact_id, destination_index=0, destination_version=1)
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": True})
    control.call("PATCH", "/v1/broadcasts/spring", {"stopped": False, "destinations": [b, SHOP]})
    await click(clickhouse, "c-0", destination_index=0, destination_version=3)
    await click(clickhouse, "c-2", destination_index=1, destination_version=1)
    await click(clickhouse, "c-1", destination_index=0, destination_version=3, refusal="stopped")  # to the fallback

    by_destination = control.call("GET", "/v1/broadcasts/spring/report").body["by_destination"]

    names = ("destination", "destination_version", "in_force", "links", "clicks", "unique_contacts")
    assert [tuple(row[name] for name in names) for row in by_destination] == [
        (a, 1, False, 3, 2, 2), (b, 3, True, 3, 1, 1), (SHOP, 1, True, 3, 1, 1),
    ]  # fmt: skip
    assert await view(clickhouse, "destinations", "destination_index, destination_version, destination") == [
        {"destination_index": 0, "destination_version": 1, "destination": a},
        {"destination_index": 0, "destination_version": 3, "destination": b},
        {"destination_index": 1, "destination_version": 1, "destination": SHOP},
    ]


async def test_taps_from_before_there_was_a_history_count_for_the_destination_of_then(control, clickhouse):
    a, b = "https://shop.acme.example/a", "https://shop.acme.example/b"
    control.broadcast(destinations=(a,))
    control.mint(contacts(1))
    await clickhouse.execute("TRUNCATE TABLE change_log")
    await clickhouse.execute(
        "ALTER TABLE broadcasts UPDATE destination_versions = [], change = ('','','','','') WHERE 1"
    )
    await click(clickhouse, "c-0")
    before = control.call("GET", "/v1/broadcasts/spring/report").body["by_destination"]
    control.call("PATCH", "/v1/broadcasts/spring", {"destinations": [b]})
    await click(clickhouse, "c-0", destination_version=2)

    after = control.call("GET", "/v1/broadcasts/spring/report").body["by_destination"]

    assert [(row["destination"], row["clicks"]) for row in before] == [(a, 1)]
    assert [(row["destination"], row["clicks"]) for row in after] == [(a, 1), (b, 1)]
