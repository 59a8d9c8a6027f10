"""A row says what its own columns say: whatever a visitor sends, judging the row again gives its verdict."""

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.days import day_of
from aggregator.enrich import Enricher
from aggregator.rows import INSERT_CLICKS, arrow_stream
from records.address import AddressCipher
from tests.support.clicks import (
    CLICK,
    CODE_KEY,
    IPHONE,
    RECORDED,
    Numbered,
    gathered,
    numbered,
    recorded_click,
    rows_in,
)
from tests.support.geo_files import written
from visitors.classify import Verdict, classify
from visitors.devices import Devices
from visitors.evidence import Evidence
from visitors.geo import Geo

SALTS = {day_of(CLICK.clicked_at_ms): bytes(16)}
NETWORKS = {
    "198.51.100.0/24": (16509, "AMAZON-02"),
    "203.0.113.0/24": (22843, "Proofpoint, Inc."),
    "192.0.2.0/24": (64500, "\N{SNOWMAN}" * 120 + " Mimecast"),  # longer than a name may be
}
AT_HOME = "100.64.0.1"  # of no network that is known
ADDRESSES = ["198.51.100.1", "203.0.113.1", "192.0.2.1", AT_HOME]
TOKENS = [
    *("", IPHONE, "Mozilla/5.0", "somebot", "HeadlessChrome", "prefetch", "preview", "Barracuda", "curl/8"),
    *("none navigate ?1 document", "-", " ", "empty", "\x00"),
]
FILLERS = ["a", " ", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{SNOWMAN}", "\N{GRINNING FACE}"]
LATE_BOT = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 200 + " somebot"
LATE_HINT = '"Chromium";v="120", '.ljust(260) + '"HeadlessChrome";v="120"'

pieces = st.builds(lambda filler, count, token: filler * count + token,
                   st.sampled_from(FILLERS), st.integers(0, 520), st.sampled_from(TOKENS))  # fmt: skip
headers = st.lists(pieces, max_size=3).map("".join).map(lambda text: text[:1024])
visits = st.fixed_dictionaries(
    {
        "address": st.sampled_from(ADDRESSES),
        "method": st.sampled_from(["GET", "HEAD", "OPTIONS"]),
        **dict.fromkeys(("user_agent", "accept", "purpose", "sec_fetch", "sec_ch_ua"), headers),
    }
)


@pytest.fixture(scope="module")
def enricher(tmp_path_factory) -> Enricher:
    networks = {
        prefix: {"autonomous_system_number": asn, "autonomous_system_organization": as_org}
        for prefix, (asn, as_org) in NETWORKS.items()
    }
    asn_db = written(tmp_path_factory.mktemp("geo") / "asn.mmdb", networks)
    return Enricher(AddressCipher(CODE_KEY), Devices(), Geo("", asn_db))


def stream(enricher: Enricher, clicks: list[Numbered]) -> bytes:
    together = gathered(*clicks)
    return arrow_stream(together, enricher.enrich(together, SALTS), CLICK.clicked_at_ms + 900)


def verdict_in(row: dict[str, Any]) -> Verdict:
    return Verdict(row["visit_class"], tuple(row["class_reasons"]))


def judged_again(row: dict[str, Any]) -> Verdict:
    return classify(Evidence(**{name: row[name] for name in Evidence.__struct_fields__}))


@given(st.lists(visits, min_size=1, max_size=8))
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_row_that_is_judged_again_gets_the_same_verdict(enricher, batch):
    rows = rows_in(stream(enricher, [numbered(seq, **visit) for seq, visit in enumerate(batch, 1)]))

    assert [verdict_in(row) for row in rows] == [judged_again(row) for row in rows]


def test_an_agent_is_judged_by_the_512_bytes_that_its_row_keeps(enricher):
    agent = IPHONE + LATE_BOT
    assert len(agent) < 512 < len(agent.encode())

    (row,) = rows_in(stream(enricher, [numbered(1, AT_HOME, user_agent=agent)]))

    assert "bot" not in row["user_agent"]
    assert verdict_in(row) == judged_again(row) == Verdict("human", ("agent-browser",))


def test_a_client_hint_is_judged_by_the_256_bytes_that_its_row_keeps(enricher):
    (row,) = rows_in(stream(enricher, [numbered(1, AT_HOME, sec_ch_ua=LATE_HINT)]))

    assert "Headless" not in row["sec_ch_ua"]
    assert verdict_in(row) == judged_again(row) == Verdict("human", ("agent-browser",))


async def test_rows_that_clickhouse_gives_back_get_the_verdicts_they_have(clickhouse, enricher):
    recorded = [recorded_click(visit) for visit in RECORDED]
    said = [{name: getattr(click, name) for name in ("method", "user_agent", "purpose", "sec_fetch", "sec_ch_ua")}
            for click in recorded]  # fmt: skip
    said += [{"user_agent": IPHONE + LATE_BOT}, {"sec_ch_ua": LATE_HINT}, {"user_agent": "\x00\\'\"\t\n"}]
    said += [{"user_agent": filler * 600, "purpose": filler * 600, "sec_fetch": filler * 600} for filler in FILLERS]
    clicks = [numbered(seq, address, **headers) for seq, (headers, address) in enumerate(product(said, ADDRESSES), 1)]

    await clickhouse.insert(INSERT_CLICKS, stream(enricher, clicks))

    columns = ", ".join(Evidence.__struct_fields__)
    evidence = await clickhouse.rows(f"SELECT {columns} FROM clicks ORDER BY seq", Evidence)
    verdicts = await clickhouse.rows("SELECT visit_class, class_reasons AS reasons FROM clicks ORDER BY seq", Verdict)
    assert len(verdicts) == len(clicks)
    assert [classify(each) for each in evidence] == verdicts
