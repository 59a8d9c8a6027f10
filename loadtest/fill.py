"""Clicks and links by the million, straight into the tables, spread as broadcasts spread them.

A thousand broadcasts over 90 days: the biggest has 5 % of all clicks, the others fall off to a tenth of a tenth of it.
Rows come in the order of time, as an aggregator inserts them: one broadcast after the other, each over its links at
random. What a visit says of itself comes from examples/visits.json through the aggregator's own enrichment.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from aggregator.clicks import Gathering
from aggregator.days import day_of
from aggregator.enrich import Enricher
from aggregator.rows import arrow_stream
from records.address import AddressCipher, packed_address
from records.click import Click
from runtime.clickhouse import ClickHouse
from visitors.devices import Devices
from visitors.geo import Geo

VISITS = Path(__file__).parent.parent / "examples" / "visits.json"
LANE_CLICKS = 500_000  # of one edge process, from its start to its end
NOW_MS = 1_800_000_000_000

# Of a share x of the way through the rows: which broadcast, and where its own share begins and ends.
_SPREAD = {
    "no": "if(x < 0.05, 1, 2 + least(toUInt64(998 * pow((x - 0.05) / 0.95, 2)), 997))",
    "low": "if(no = 1, 0, 0.05 + 0.95 * sqrt((no - 2) / 998))",
    "high": "if(no = 1, 0.05, 0.05 + 0.95 * sqrt((no - 1) / 998))",
}
_PLACES = "['US', 'US', 'US', 'US', 'US', 'US', 'CA', 'CA', 'GB', 'GB', 'DE', 'AU', 'MX', 'FR', 'IN', '']"
_AUDIENCES = "['vip', 'regular', 'regular', 'regular', 'new', 'lapsed', 'lapsed', '']"
_LINK = {
    "account": "'main'",
    "code": "substring(base64Encode(reinterpretAsFixedString(sipHash64(link_id, 1))), 1, 9)",
    "short_domain": "'go.acme.example'",
    "broadcast_no": "no",
    "broadcast_id": "concat('broadcast-', toString(no))",
    "contact_id": "concat('c-', leftPad(toString(link_id), 8, '0'))",
    "audience": f"{_AUDIENCES}[1 + sipHash64(link_id, 2) % 8]",
}
_DAYS_90 = "(now() - toIntervalDay(90))"
_SENT = f"(toUnixTimestamp({_DAYS_90}) + low * 90 * 86400)"
_CLICK = {
    "lane": f"sipHash64(intDiv(number, {LANE_CLICKS}), 3)",
    "seq": f"1 + number % {LANE_CLICKS}",
    "click_id": "generateUUIDv4()",
    # A mean of two hours after the send, and nothing in the future.
    "clicked_at": f"fromUnixTimestamp64Milli(toInt64(1000 * least({_SENT} - 7200 * log((1 + rand(4)) / 4294967296), "
    "toUnixTimestamp(now()))), 'UTC')",
    "received_at": "clicked_at + toIntervalMillisecond(800)",
    "link_id": "link_id",
    **_LINK,
    "source": "'sms'",
    "destination": "concat('https://shop.acme.example/spring?utm_source=sms&c=', contact_id)",
    "status": "302",
    "visitor_id": "sipHash64(link_id, 5)",
    "country": f"{_PLACES}[1 + sipHash64(link_id, 6) % 16]",
    "city": "concat('City ', toString(sipHash64(link_id, 7) % 500))",
    "asn": "7018 + sipHash64(link_id, 8) % 200",
    "ip_prefix": "concat(toString(sipHash64(link_id, 9) % 223), '.', toString(sipHash64(link_id, 10) % 256), '.', "
    "toString(sipHash64(link_id, 11) % 256), '.0/24')",
    "edge_id": "concat('edge-', toString(intDiv(number, 500000) % 8))",
}
_RECORDED = (
    "method", "visit_class", "class_reasons", "classifier_version", "device_type", "device_brand", "device_model", "os",
    "os_version", "browser", "browser_version", "language", "user_agent", "accept", "purpose", "sec_fetch", "sec_ch_ua",
)  # fmt: skip
_BLOCKS = (
    "SETTINGS min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0, max_insert_threads = 1, "
    "max_threads = 2, max_partitions_per_insert_block = 0"
)


class Fill(msgspec.Struct, frozen=True):
    """Rows to be added: clicks and links from here on, of all broadcasts or (`only`) of one."""

    first_click: int
    clicks: int
    first_link: int
    links: int
    only: int = 0


async def add(clickhouse: ClickHouse, fill: Fill) -> None:
    spread = {"no": str(fill.only), "low": "0", "high": "1"} if fill.only else _SPREAD
    await clickhouse.execute(_links(fill, spread))
    await clickhouse.execute(_clicks(fill, spread))


async def add_recorded(clickhouse: ClickHouse) -> None:
    """Table `recorded`: what each recorded visit says of itself, as often as it weighs."""
    columns = ", ".join(_RECORDED)
    await clickhouse.execute(
        f"CREATE TABLE recorded ENGINE = Memory AS SELECT toUInt64(0) AS no, {columns} FROM clicks LIMIT 0"
    )
    visits = json.loads(VISITS.read_text())
    rows = [row for visit in visits for row in [_enriched(visit)] * visit["weight"]]
    await clickhouse.insert_rows("recorded", [{**row, "no": no} for no, row in enumerate(rows)])


async def end_lanes(clickhouse: ClickHouse) -> None:
    """All lanes there are have ended, as they would have within days."""
    await clickhouse.execute("TRUNCATE TABLE taptrail_internal.ended_lanes")
    await clickhouse.execute(
        "INSERT INTO taptrail_internal.ended_lanes SELECT lane, 'edge-1', max(seq), max(clicked_at) FROM clicks GROUP BY lane"
    )


def _links(fill: Fill, spread: dict[str, str]) -> str:
    chosen = {"link_id": "number", **_LINK, "minted_at": f"fromUnixTimestamp64Milli(toInt64(1000 * {_SENT}), 'UTC')"}
    return f"""
    INSERT INTO links ({", ".join(chosen)})
    WITH (number - {fill.first_link}) / {fill.links} AS x, {_aliased(spread)}, number AS link_id
    SELECT {_values(chosen)} FROM numbers({fill.first_link}, {fill.links}) {_BLOCKS}
    """


def _clicks(fill: Fill, spread: dict[str, str]) -> str:
    chosen = {**_CLICK, **{name: f"recorded.{name}" for name in _RECORDED}}
    return f"""
    INSERT INTO clicks ({", ".join(chosen)})
    WITH (number - {fill.first_click}) / {fill.clicks} AS x, {_aliased(spread)},
        {fill.first_link} + least(toUInt64((low + (high - low) * rand(12) / 4294967296) * {fill.links}), {fill.links - 1})
            AS link_id
    SELECT {_values(chosen)}
    FROM (SELECT number, rand(13) % (SELECT count() FROM recorded) AS no_of_visit
          FROM numbers({fill.first_click}, {fill.clicks})) AS drawn
    INNER JOIN recorded ON recorded.no = drawn.no_of_visit {_BLOCKS}
    """


def _aliased(expressions: dict[str, str]) -> str:
    return ", ".join(f"{expression} AS {name}" for name, expression in expressions.items())


def _values(chosen: dict[str, str]) -> str:
    return ", ".join(
        expression if expression == name else f"{expression} AS {name}" for name, expression in chosen.items()
    )


def _enriched(visit: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in visit["headers"]}
    fetch = [headers.get(f"sec-fetch-{name}", "-") for name in ("site", "mode", "user", "dest")]
    click = Click(
        click_id=bytes(16), clicked_at_ms=NOW_MS, link_id=0, code="", short_domain="", account="", broadcast_id="",
        broadcast_no=0, contact_id="", audience="", keyword="", source="", destination="", destination_index=0,
        status=302, method=visit["method"], sealed_address=_CIPHER.apply(packed_address(visit["address"]), 1, 1),
        user_agent=headers.get("user-agent", ""), referrer=headers.get("referer", ""),
        accept=headers.get("accept", ""), accept_language=headers.get("accept-language", ""),
        purpose=headers.get("sec-purpose", ""), sec_fetch="" if set(fetch) == {"-"} else " ".join(fetch),
        sec_ch_ua=headers.get("sec-ch-ua", ""),
    )  # fmt: skip
    gathering = Gathering()
    gathering.add(1, [1], "edge-1", [click])
    clicks = gathering.clicks()
    sent = arrow_stream(clicks, _ENRICHER.enrich(clicks, {day_of(NOW_MS): bytes(16)}), NOW_MS)
    row = pa.ipc.open_stream(sent).read_all().to_pylist()[0]
    return {name: value for name, value in row.items() if name in _RECORDED}


_CIPHER = AddressCipher(bytes(16))
_ENRICHER = Enricher(_CIPHER, Devices(), Geo())
