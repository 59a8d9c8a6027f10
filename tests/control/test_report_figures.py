"""Each figure of a report is what a count of the raw rows in another way gives, on a campaign whose truth is known."""

import json
import random
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from zoneinfo import ZoneInfo

import pytest

from tests.support.click_rows import SENT, click, click_row
from tests.support.control import DOMAIN, SHOP, contacts

ZONE = "Europe/Berlin"
DEVICES = (("phone", "iOS", "Mobile Safari"), ("phone", "Android", "Chrome Mobile"), ("desktop", "Windows", "Edge"))
PLACES = (("DE", "Bavaria"), ("DE", "Berlin"), ("US", "Washington"), ("", ""))
# The clock is put back on 2026-10-25: 02:30 comes twice; forward on 2027-03-28: no 02:30.
TWICE = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp() - SENT
LEFT_OUT = datetime(2027, 3, 28, 0, 30, tzinfo=UTC).timestamp() - SENT


@pytest.fixture
async def campaign(control, clickhouse):
    """40 contacts: people, previews, scanners, verification, visits of a link that is over, a poster, and canaries."""
    control.broadcast(sent_at="2026-09-21T14:13:20Z", text=TEXT)
    assert control.mint(contacts(20, audience="vip")).status == 200
    assert compose(control, contacts(40, audience="vip")[20:], "friday").status == 200
    poster = {"short_domain": DOMAIN, "broadcast_id": "spring", "destination_index": 0, "slug": "SALE"}
    assert control.call("POST", "/v1/links", poster).status == 201
    assert control.call("POST", "/v1/broadcasts/spring/canaries", {"count": 20}).status == 201
    chance = random.Random(14)
    taps = [(f"c-{chance.randrange(25)}", "human", chance.expovariate(1 / 3000), {}) for _ in range(60)]
    taps += [("c-0", "human", after, {}) for after in (TWICE, TWICE + 3600, LEFT_OUT, LEFT_OUT + 3600)]
    taps += [(f"c-{number}", "preview", 1.0, {}) for number in (1, 1, 2)] + [("c-30", "preview", 1.0, {"status": 200})]
    taps += [(f"c-{number}", "scanner", 0.5, {}) for number in range(8)]
    taps += [("c-3", "bot", 5.0, {"purpose": "own-verify"}), ("c-35", "human", 90.0, {"refusal": "expired"})]
    taps += [("c-36", "human", 95.0, {"status": 410}), ("c-37", "human", -20.0, {})]
    taps += [("c-38", "unknown", 7.0, {}) for _ in range(6)]
    taps += [("", "human", 600.0 + each, {"visitor_id": each // 2}) for each in range(10)]
    taps += [("canary:0", "human", 30.0, {}), ("canary:0", "human", 40.0, {}), ("canary:1", "scanner", 1.0, {})]
    taps += [("canary:2", "human", 30.0, {"refusal": "expired"}), ("canary:3", "bot", 1.0, {"purpose": "own-verify"})]
    rows = []
    for number, (contact_id, visit_class, after_s, more) in enumerate(taps):
        device_type, os, browser = DEVICES[number % 3]
        country, region = PLACES[number % 4]
        link_id = sum(contact_id.encode()) * 100 + len(contact_id)
        said = {
            "link_id": link_id,
            "device_type": device_type,
            "os": os,
            "browser": browser,
            "country": country,
            "region": region,
        }
        fields = {"visitor_id": 100 + number, **said, **more}
        rows.append(click_row(contact_id, visit_class, after_s=after_s, **fields))
    await clickhouse.insert_rows("clicks", rows)
    return control


TEXT = f"Hi {{first_name|there}}, {SHOP}"


def compose(control, lines, key):
    """Every fourth has a name of several segments, every second of those a character outside of GSM-7."""
    for number, line in enumerate(lines):
        if number % 4 == 0:
            line["fields"] = {"first_name": ("\N{CYRILLIC SMALL LETTER A}" if number % 8 else "a") * 200}
    path = "/v1/broadcasts/spring/messages"
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return control.call("POST", path, body, Idempotency_Key=key)


async def raw_rows(clickhouse):
    sql = "SELECT *, toUnixTimestamp64Milli(clicked_at) / 1000 AS at FROM clicks WHERE broadcast_id = 'spring'"
    rows = await clickhouse.rows(sql, dict)
    live = [row for row in rows if 200 <= row["status"] < 400 and not row["refusal"]]
    of_links = [row for row in live if not row["contact_id"].startswith("canary:")]
    counted = [row for row in of_links if row["purpose"] != "own-verify"]
    return counted, [row for row in counted if row["visit_class"] == "human"]


def ranked(counter, *names):
    """As a report lists it: the most first, then by name."""
    rows = [(key if isinstance(key, tuple) else (key,), clicks) for key, clicks in counter.items()]
    rows.sort(key=lambda row: (-row[1], row[0]))
    return [{**dict(zip(names, key, strict=True)), "clicks": clicks} for key, clicks in rows]


async def test_every_figure_is_what_the_raw_rows_say(campaign, clickhouse):
    answer = campaign.call("GET", f"/v1/broadcasts/spring/report?tz={ZONE}")
    assert answer.status == 200, answer.body
    report = answer.body
    counted, people = await raw_rows(clickhouse)

    by_class = Counter(row["visit_class"] for row in counted)
    assert report["clicks"] == {name: by_class[name] for name in report["clicks"]}
    named = {row["contact_id"] for row in people} - {""}
    assert (report["links"], report["contacts"], report["unique_contacts"]) == (41, 40, len(named))
    assert report["click_through_rate"] == len(named) / 40
    assert report["visitors"] == 5 == len({row["visitor_id"] for row in people if not row["contact_id"]})
    assert report["previews_delivered"] == 3
    assert report["sent_at"] == "2026-09-21T14:13:20Z"

    assert report["by_device"] == ranked(Counter(row["device_type"] for row in people), "device_type")
    assert report["by_os"] == ranked(Counter(row["os"] for row in people), "os")
    assert report["by_browser"] == ranked(Counter(row["browser"] for row in people), "browser")
    assert report["by_country"] == ranked(Counter(row["country"] for row in people), "country")
    by_region = Counter((row["country"], row["region"]) for row in people)
    assert report["by_region"] == ranked(by_region, "country", "region")
    assert sum(row["clicks"] for row in report["by_hour"]) == len(people)
    assert report["by_rule"] == [{"rule": "", "clicks": len(people)}]


async def test_links_are_forwarded_where_another_device_tapped_after_the_first(campaign, clickhouse):
    report = campaign.call("GET", "/v1/broadcasts/spring/report").body
    _, people = await raw_rows(clickhouse)

    first, others = {}, Counter()
    for row in sorted(people, key=lambda row: (row["at"], row["click_id"])):
        device = row["device_type"], row["os"], row["browser"]
        if row["contact_id"] and first.setdefault(row["link_id"], device) != device:
            others[row["link_id"]] += 1
    assert report["forwarded"] == {"links": len(others), "taps": sum(others.values())}
    assert len(others) > 3
    # 20 canaries, of which a person and a scanner tapped one each; the other visits would not count on any link.
    canaries = report["canaries"]
    assert (canaries["links"], canaries["tapped"], canaries["judged_human"]) == (20, 2, 1)


async def test_segments_are_those_of_the_messages_that_were_composed_each_request_once(campaign):
    first = compose(campaign, contacts(40, audience="vip")[20:], "friday").body
    second = compose(campaign, contacts(30, audience="vip"), "monday").body

    report = campaign.call("GET", "/v1/broadcasts/spring/report").body

    composed = Counter(line["segments"] for line in [*first, *second])
    assert set(composed) == {1, 2, 4}
    assert report["segments"] == {
        "messages": 50, "segments": sum(line["segments"] for line in [*first, *second]),
        "by_segments": {str(segments): messages for segments, messages in sorted(composed.items())},
    }  # fmt: skip


async def test_a_report_warns_of_what_makes_its_figures_doubtful(campaign, clickhouse):
    lines = compose(campaign, contacts(30, audience="vip"), "monday").body

    report = campaign.call("GET", "/v1/broadcasts/spring/report").body

    counted, people = await raw_rows(clickhouse)
    every = await clickhouse.rows("SELECT contact_id, visit_class, status, refusal FROM clicks", dict)
    assert all(row["detail"] for row in report["warnings"])
    found = {row["warning"]: row["count"] for row in report["warnings"]}
    assert found.pop("canaries-judged-human") == 1
    assert found.pop("composed-again") == 50 - 40
    over = [row for row in every if row["visit_class"] == "human" and (row["refusal"] or row["status"] >= 400)]
    assert found.pop("found-it-over") == 2 == sum(not row["contact_id"].startswith("canary:") for row in over)
    assert found.pop("unjudged-visits") == 6 == sum(row["visit_class"] == "unknown" for row in counted)
    assert found.pop("taps-before-send") == 1 == sum(row["at"] < SENT for row in people if row["contact_id"])
    visitors = Counter((row["link_id"], int(row["at"] // 86400)) for row in people if row["contact_id"])
    assert found.pop("passed-on-links") == len({link for (link, _), several in visitors.items() if several > 3})
    # Of the second request and of the first, whose lines were composed alike.
    first = compose(campaign, contacts(40, audience="vip")[20:], "friday").body
    messages = Counter(warned["warning"] for line in [*lines, *first] for warned in line["warnings"])
    assert found == messages
    assert set(messages) == {"more-than-one-segment", "over-three-segments", "unicode-because-of"}


async def test_a_broadcast_that_nobody_tapped_has_nothing_to_warn_of(control):
    control.broadcast()

    report = control.call("GET", "/v1/broadcasts/spring/report").body

    assert (report["warnings"], report["by_rule"]) == ([], [])
    assert report["segments"] == {"messages": 0, "segments": 0, "by_segments": {}}


async def test_the_time_to_tap_is_what_the_first_taps_say(campaign, clickhouse):
    report = campaign.call("GET", "/v1/broadcasts/spring/report").body
    _, people = await raw_rows(clickhouse)

    firsts = {}
    for row in people:
        if row["contact_id"] and row["at"] >= SENT:
            firsts[row["contact_id"]] = min(firsts.get(row["contact_id"], row["at"]), row["at"])
    waited = sorted(at - SENT for at in firsts.values())
    seconds = report["seconds_to_tap"]
    # ClickHouse gives one of the values, and no mean of two: the one at the place or the next.
    assert waited[len(waited) // 2] == pytest.approx(seconds["median"], abs=0.001)
    assert quantiles(waited, n=10)[8] == pytest.approx(seconds["p90"], rel=0.5)
    assert seconds["cumulative"] == [
        {"seconds": row["seconds"], "share": sum(one <= row["seconds"] for one in waited) / len(waited)}
        for row in seconds["cumulative"]
    ]
    assert seconds["cumulative"][-1] == {"seconds": 604_800, "share": 1}
    since = Counter(int((row["at"] - SENT) // 3600) for row in people if row["at"] >= SENT)
    assert report["by_hour_since_send"] == [{"hour": hour, "clicks": since[hour]} for hour in sorted(since)]


async def test_the_hours_of_the_week_are_those_of_the_clock_in_the_zone(campaign, clickhouse):
    report = campaign.call("GET", f"/v1/broadcasts/spring/report?tz={ZONE}").body
    _, people = await raw_rows(clickhouse)

    local = [datetime.fromtimestamp(row["at"], ZoneInfo(ZONE)) for row in people]
    week = Counter((one.isoweekday(), one.hour) for one in local)
    assert report["tz"] == ZONE
    assert report["by_weekday_hour"] == [
        {"weekday": weekday, "hour": hour, "clicks": clicks} for (weekday, hour), clicks in sorted(week.items())
    ]
    # 00:30 and 01:30 UTC are both 02:30 when the clock is put back; 01:30 and 03:30 when it is put forward.
    sunday = {cell["hour"]: cell["clicks"] for cell in report["by_weekday_hour"] if cell["weekday"] == 7}
    assert sunday == {1: 1, 2: 2, 3: 1}


async def test_visits_over_time_are_people_machines_and_unknown_by_days_of_the_zone(campaign, clickhouse):
    report = campaign.call("GET", f"/v1/broadcasts/spring/report?tz={ZONE}").body
    counted, _ = await raw_rows(clickhouse)

    kinds = {"human": "people", "unknown": "unknown"}
    days = Counter((local_day(row["at"]), kinds.get(row["visit_class"], "machines")) for row in counted)
    shown = {
        (row["begins_at"], kind): row[kind] for row in report["by_time"] for kind in ("people", "machines", "unknown")
    }
    assert {row["step_s"] for row in report["by_time"]} == {86_400}
    assert {place: visits for place, visits in shown.items() if visits} == days
    assert len(report["by_time"]) == 189  # from 2026-09-21 to 2027-03-28, whether or not anybody came


def local_day(at):
    return f"{datetime.fromtimestamp(at, ZoneInfo(ZONE)):%Y-%m-%dT00:00:00}"


async def test_without_a_zone_the_hours_are_those_of_the_broadcast(campaign):
    path = "/v1/broadcasts/spring/report"
    assert campaign.call("GET", path).body["tz"] == "UTC"
    here = campaign.call("GET", f"{path}?tz={ZONE}").body["by_weekday_hour"]

    changed = campaign.call("PATCH", "/v1/broadcasts/spring", {"timezone": ZONE})

    assert (changed.status, changed.body["timezone"]) == (200, ZONE)
    report = campaign.call("GET", path).body
    assert (report["tz"], report["by_weekday_hour"]) == (ZONE, here)
    assert campaign.call("GET", f"{path}?tz=Asia/Tokyo").body["tz"] == "Asia/Tokyo"
    compared = campaign.call("GET", "/v1/report?broadcasts=spring").body["broadcasts"]
    assert [each["tz"] for each in compared] == [ZONE]


async def test_a_zone_of_a_broadcast_that_does_not_exist_is_refused(campaign):
    refused = campaign.call("PATCH", "/v1/broadcasts/spring", {"timezone": "Europe/Atlantis"})

    assert (refused.status, refused.body["field"]) == (422, "timezone")
    assert campaign.call("GET", "/v1/broadcasts/spring").body["timezone"] == "UTC"


async def test_a_zone_that_does_not_exist_is_named(campaign):
    answer = campaign.call("GET", "/v1/broadcasts/spring/report?tz=Europe/Atlantis")

    assert (answer.status, answer.body["field"]) == (422, "tz")
    assert "Europe/Atlantis" in answer.body["detail"]
    assert campaign.call("GET", "/v1/broadcasts/spring/report?tz=").status == 422


async def test_broadcasts_are_compared_by_the_hour_since_their_send(campaign, clickhouse):
    campaign.broadcast("autumn", sent_at="2026-10-01T08:00:00Z")
    campaign.mint(contacts(2), broadcast_id="autumn")
    sent = datetime(2026, 10, 1, 8, tzinfo=UTC).timestamp()
    await click(clickhouse, "c-1", broadcast_id="autumn", after_s=sent - SENT + 7300)

    answer = campaign.call("GET", "/v1/report?broadcasts=autumn,spring")

    autumn, spring = answer.body["broadcasts"]
    assert autumn["by_hour_since_send"] == [{"hour": 2, "clicks": 1}]
    assert spring == campaign.call("GET", "/v1/broadcasts/spring/report").body
    assert campaign.call("GET", "/v1/report?broadcasts=autumn,winter").status == 404
    for wrong in ("", "autumn,autumn", ",".join(f"b-{number}" for number in range(21))):
        assert campaign.call("GET", f"/v1/report?broadcasts={wrong}").status == 422, wrong


async def test_an_account_is_summed_over_what_lies_below(campaign, clickhouse):
    spring = campaign.call("GET", "/v1/broadcasts/spring/report").body
    await click(clickhouse, "c-1", account="main/seattle", broadcast_id="north")
    await click(clickhouse, "c-1", account="mainly", broadcast_id="south")

    report = campaign.call("GET", "/v1/accounts/main/report").body

    assert report["clicks"]["human"] == spring["clicks"]["human"] + 1
    assert (report["broadcasts"], report["contacts"], report["links"]) == (2, 40, 41)
    assert report["unique_contacts"] == spring["unique_contacts"] + 1
    assert [row["account"] for row in report["by_account"]] == ["main", "main/seattle"]
    assert campaign.call("GET", "/v1/accounts/other/report").status == 404


PAGE = (Path(__file__).parents[2] / "docs/figures.md").read_text()
STATEMENTS = dict(re.findall(r"^### `([a-z_.]+)`\n.*?```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
WITHOUT_OWN_STATEMENT = {
    *("broadcast_id", "sent_at", "tz", "seconds_to_tap"),
    *("by_os", "by_browser", "by_country", "by_region"),  # as by_device
}


async def test_the_sql_of_the_page_gives_every_figure(campaign, clickhouse):
    report = campaign.call("GET", f"/v1/broadcasts/spring/report?tz={ZONE}").body
    named = {"account": "main", "id": "spring"}

    more = {"tz": ZONE, "step": report["by_time"][0]["step_s"]}
    for name, sql in STATEMENTS.items():
        here = named | {param: value for param, value in more.items() if f"{{{param}:" in sql}
        rows = await clickhouse.rows(sql, dict, **here)
        outer, _, inner = name.partition(".")
        shown = report[outer][inner] if inner else report[outer]
        assert (name, said_as(shown, rows)) == (name, shown)
    assert {name.partition(".")[0] for name in STATEMENTS} | WITHOUT_OWN_STATEMENT == set(report)


def said_as(shown, rows):
    """Rows in the form of a figure: a list, a record, or a number. What a report adds from elsewhere is taken over."""
    if isinstance(shown, list):
        return [one | row for one, row in zip(shown, rows, strict=True)]
    return rows[0] if isinstance(shown, dict) else next(iter(rows[0].values()))


NARROWED = {
    "device=phone": lambda row: row["device_type"] == "phone",
    "os=iOS&country=DE": lambda row: (row["os"], row["country"]) == ("iOS", "DE"),
    "browser=Edge&region=Berlin": lambda row: (row["browser"], row["region"]) == ("Edge", "Berlin"),
    "country=": lambda row: not row["country"],
    "destination=0&class=human": lambda row: row["destination_index"] == 0 and row["visit_class"] == "human",
    "class=scanner": lambda row: row["visit_class"] == "scanner",
}


@pytest.mark.parametrize("query", NARROWED)
async def test_every_list_of_a_narrowed_report_is_what_the_narrowed_rows_say(campaign, clickhouse, query):
    report = campaign.call("GET", f"/v1/broadcasts/spring/report?{query}").body
    counted, people = ([row for row in rows if NARROWED[query](row)] for rows in await raw_rows(clickhouse))
    listed = counted if "scanner" in query else people

    by_class = Counter(row["visit_class"] for row in counted)
    assert counted
    assert report["clicks"] == {name: by_class[name] for name in report["clicks"]}
    assert report["contacts"] == 40
    named = {row["contact_id"] for row in people} - {""}
    assert (report["unique_contacts"], report["click_through_rate"]) == (len(named), len(named) / 40)
    for name, column in (("by_device", "device_type"), ("by_os", "os"), ("by_browser", "browser")):
        assert report[name] == ranked(Counter(row[column] for row in listed), column)
    assert report["by_country"] == ranked(Counter(row["country"] for row in listed), "country")
    for name in ("by_hour", "by_weekday_hour", "by_destination", "by_audience"):
        assert sum(row["clicks"] for row in report[name]) == len(listed), name
    waited = [row["at"] - SENT for row in people if row["contact_id"] and row["at"] >= SENT]
    assert (report["seconds_to_tap"]["median"] is None) == (not waited)


async def test_links_are_narrowed_by_audience_and_destination(campaign):
    campaign.mint([{"contact_id": "c-new", "audience": 'o\'neill \\ "{id:String}" -- '}])

    quoted = campaign.call("GET", "/v1/broadcasts/spring/report?audience=o%27neill+%5C+%22%7Bid:String%7D%22+--+").body
    nobody = campaign.call("GET", "/v1/broadcasts/spring/report?audience=nobody").body
    poster = campaign.call("GET", "/v1/broadcasts/spring/report?audience=").body

    assert (quoted["links"], quoted["contacts"], quoted["clicks"]["human"]) == (1, 1, 0)
    assert [row["audience"] for row in quoted["by_audience"]] == ['o\'neill \\ "{id:String}" -- ']
    assert (nobody["links"], nobody["contacts"], nobody["by_audience"]) == (0, 0, [])
    assert (poster["links"], poster["contacts"]) == (1, 0)
    assert campaign.call("GET", "/v1/broadcasts/spring/report?destination=1").body["links"] == 0


async def test_a_wrong_filter_is_named(campaign):
    for query, field in (("class=people", "class"), ("destination=-1", "destination"), (f"os={'x' * 501}", "os")):
        answer = campaign.call("GET", f"/v1/broadcasts/spring/report?{query}")
        assert (answer.status, answer.body["field"]) == (422, field), query
