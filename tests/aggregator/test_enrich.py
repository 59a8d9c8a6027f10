from itertools import product
from typing import Any

from aggregator.days import DAY_MS, day_of
from aggregator.enrich import Enricher
from aggregator.rows import COLUMNS, arrow_stream
from aggregator.scans_seen import MAX_NETWORKS, ScansSeen
from aggregator.visitor_ids import visitor_ids
from records.address import AddressCipher, packed_address
from tests.support.clicks import CLICK, CODE_KEY, IPHONE, LANE, Numbered, gathered, numbered, rows_in
from tests.support.geo_files import written
from visitors.classify import CLASSIFIER_VERSION, Verdict, VisitClass
from visitors.devices import Devices
from visitors.geo import Geo

RECEIVED_AT_MS = CLICK.clicked_at_ms + 900
SALTS = {day_of(CLICK.clicked_at_ms): bytes(range(16)), day_of(CLICK.clicked_at_ms + DAY_MS): bytes(16)}
ENRICHER = Enricher(AddressCipher(CODE_KEY), Devices(), Geo())


def rows(*clicks: Numbered) -> list[dict[str, Any]]:
    together = gathered(*clicks)
    return rows_in(arrow_stream(together, ENRICHER.enrich(together, SALTS), RECEIVED_AT_MS))


def _visitor_id(salt: bytes) -> int:
    (found,) = visitor_ids([salt], [packed_address("203.0.113.77")], [IPHONE.encode()])
    return found


def row(address: str = "203.0.113.77", **changes: object) -> dict[str, Any]:
    return rows(numbered(1, address, **changes))[0]


async def test_a_row_has_every_column_of_the_table(clickhouse):
    columns = await clickhouse.value(
        "SELECT groupArray(name) FROM system.columns"
        " WHERE database = 'taptrail' AND table = 'clicks'"
        " AND default_kind NOT IN ('MATERIALIZED', 'EPHEMERAL', 'ALIAS')"
    )

    assert sorted([*COLUMNS, "rule"]) == sorted(columns), "nothing fills `rule` yet"


def test_a_row_says_what_the_edge_saw_and_what_was_found_out():
    assert row(referrer="https://Messages.Google.com/web") == {
        "lane": LANE,
        "seq": 1,
        "account": "acme/seattle",
        "click_id": CLICK.click_id,
        "clicked_at": CLICK.clicked_at_ms,
        "received_at": RECEIVED_AT_MS,
        "short_domain": "go.acme.example",
        "link_id": 4_000_000_017,
        "code": "aB3dE5fG7",
        "broadcast_id": "spring",
        "broadcast_no": 7,
        "contact_id": "c-000001",
        "audience": "vip",
        "keyword": "SALE",
        "source": "sms",
        "destination": "https://shop.acme.example/?c=c-000001",
        "destination_index": 2,
        "destination_version": 0,
        "status": 302,
        "refusal": "",
        "query_marks": {},
        "via": "",
        "method": "GET",
        "visit_class": "human",
        "class_reasons": ["agent-browser"],
        "classifier_version": CLASSIFIER_VERSION,
        "visitor_id": _visitor_id(bytes(range(16))),
        "device_type": "phone",
        "device_brand": "Apple",
        "device_model": "iPhone",
        "os": "iOS",
        "os_version": "17.5.1",
        "browser": "Mobile Safari",
        "browser_version": "17.5",
        "country": "",
        "region": "",
        "city": "",
        "asn": 0,
        "as_org": "",
        "language": "en-US",
        "referrer_host": "messages.google.com",
        "ip_prefix": "203.0.113.0/24",
        "user_agent": IPHONE,
        "accept": "text/html",
        "purpose": "",
        "sec_fetch": "",
        "sec_ch_ua": "",
        "edge_id": "edge-1",
        "insert_before": 0,
    }


def test_a_row_has_the_marks_of_its_own_click():
    marks = [None, {"utm_source": "x", "gclid": "y"}, None, {"fbclid": "z"}]

    made = rows(*[numbered(seq, query_marks=each) for seq, each in enumerate(marks, 1)])

    assert [row["query_marks"] for row in made] == [each or {} for each in marks]


def test_the_address_is_in_no_field_of_a_row():
    found = repr(row("198.51.100.234"))

    assert "198.51.100.0/24" in found
    assert "198.51.100.234" not in found
    assert repr(packed_address("198.51.100.234"))[-12:-1] not in found


def test_the_same_visitor_has_another_id_the_next_day():
    today, tomorrow = row(), row(clicked_at_ms=CLICK.clicked_at_ms + DAY_MS)

    assert today["visitor_id"] != tomorrow["visitor_id"]


def test_clicks_of_two_days_get_the_salts_of_their_days():
    clicks = [numbered(1), numbered(2, clicked_at_ms=CLICK.clicked_at_ms + DAY_MS)]

    found = ENRICHER.enrich(gathered(*clicks), SALTS)

    assert found.visitor_ids == [_visitor_id(salt) for salt in SALTS.values()]


def test_rows_come_in_the_order_of_their_clicks():
    clicks = [numbered(seq, f"203.0.113.{seq}") for seq in (3, 4, 9)]

    assert [row["seq"] for row in rows(*clicks)] == [3, 4, 9]


def test_clicks_of_one_batch_do_not_mix(tmp_path):
    """What is alike is looked at once; each click gets what is its own, whatever its neighbours have in common."""
    hosting = {"autonomous_system_number": 16509, "autonomous_system_organization": "Amazon"}
    asn_db = written(tmp_path / "asn.mmdb", {"198.51.100.0/24": hosting})
    enricher = Enricher(AddressCipher(CODE_KEY), Devices(), Geo("", asn_db))
    clicks = [
        numbered(seq, address, user_agent=agent, audience=audience, clicked_at_ms=CLICK.clicked_at_ms + day * DAY_MS)
        for seq, (address, agent, audience, day) in enumerate(
            product(["203.0.113.77", "198.51.100.1", "203.0.113.9"], [IPHONE, "curl/8"], ["vip", "new"], [0, 1]), 1
        )
    ]

    def made(*some: Numbered) -> list[dict[str, Any]]:
        return rows_in(arrow_stream(gathered(*some), enricher.enrich(gathered(*some), SALTS), RECEIVED_AT_MS))

    together = made(*clicks)

    alone = [row for click in clicks for row in made(click)]
    assert together == alone
    assert len({(row["visit_class"], *row["class_reasons"]) for row in alone}) == 4


def test_long_headers_are_cut():
    long = row(user_agent=IPHONE + "\N{SNOWMAN}" * 900, accept="a" * 900, purpose="p" * 900, sec_ch_ua="c" * 900)

    assert len(long["user_agent"].encode()) <= 512
    assert [len(long[name]) for name in ("accept", "purpose", "sec_ch_ua")] == [256, 256, 256]


def test_a_visit_of_a_scan_that_goes_on_is_the_scanners_and_one_of_another_agent_or_time_is_not():
    scans = ScansSeen()
    network = CLICK.account, CLICK.broadcast_id, "203.0.113.0/24"
    last_ms = CLICK.clicked_at_ms + 1_000
    scans.note(network, {IPHONE: [(0, last_ms)]}, now_s=CLICK.clicked_at_ms / 1000)
    enricher = Enricher(AddressCipher(CODE_KEY), Devices(), Geo(), scans)
    clicks = [
        numbered(1),
        numbered(2, user_agent=f"{IPHONE} x"),
        numbered(3, clicked_at_ms=last_ms + 1),
        numbered(4, "198.51.100.7"),
        numbered(5, user_agent=IPHONE, purpose="prefetch"),
        numbered(6, contact_id=""),
        numbered(7),
    ]

    verdicts = enricher.enrich(gathered(*clicks), SALTS).verdicts.spread()
    without = ENRICHER.enrich(gathered(*clicks), SALTS).verdicts.spread()

    scanner = Verdict(VisitClass.SCANNER, ("many-contacts-one-network", "agent-browser"))
    assert [verdict == scanner for verdict in verdicts] == [True, False, False, False, False, False, True]
    assert verdicts[1:6] == without[1:6]


def test_of_scans_only_so_many_are_kept_and_what_is_over_is_forgotten():
    scans = ScansSeen()
    for number in range(MAX_NETWORKS + 1):
        scans.note(("main", "spring", str(number)), {"a": [(0, 2_000)]}, now_s=1)

    assert not scans.holds(("main", "spring", "0"), "a", 1_500)
    assert scans.holds(("main", "spring", str(MAX_NETWORKS)), "a", 1_500)
    scans.note(("main", "spring", str(MAX_NETWORKS)), {"a": [(0, 2_000)]}, now_s=3)
    assert not scans.holds(("main", "spring", str(MAX_NETWORKS)), "a", 1_500)


def test_taps_of_canaries_are_counted_by_who_seems_to_make_them():
    enricher = Enricher(AddressCipher(CODE_KEY), Devices(), Geo())
    contacts = ("canary:1", "canary:2", "canary:2", "c-1", "")
    agents = (IPHONE, "curl/8.5.0", IPHONE, IPHONE, "curl/8.5.0")

    enricher.enrich(
        gathered(*(numbered(seq, contact_id=contact, user_agent=agent)
         for seq, (contact, agent) in enumerate(zip(contacts, agents, strict=True), 1))), SALTS,
    )  # fmt: skip

    assert enricher.canary_clicks == {VisitClass.HUMAN: 2, VisitClass.BOT: 1}
