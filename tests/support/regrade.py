"""Clicks that an older classifier has judged, and what has to be true of them after they are judged again."""

import random
import uuid
from typing import Any

import msgspec

from aggregator.regrade import Filter, Found, Regrade
from runtime.clickhouse import ClickHouse
from tests.support.clicks import RECORDED, recorded_click
from visitors.classify import Verdict, VisitClass, classify
from visitors.evidence import Evidence
from visitors.neighbours import NEIGHBOUR_REASONS, with_neighbours

CLASSES = ["unknown", "human", "preview", "prefetch", "scanner", "bot"]
SAID = ("method", "user_agent", "accept", "purpose", "sec_fetch", "sec_ch_ua")
MONTH_S = 31 * 86_400
# What a run may change, and all other columns that a sum can be made of.
ROWS = "lane, seq, click_id, clicked_at, broadcast_id, contact_id, user_agent, visit_class, class_reasons, status"
UNCHANGED = "lane, seq, click_id, clicked_at, broadcast_id, contact_id, user_agent, accept, status, visitor_id"


async def insert_one(clickhouse: ClickHouse, **fields: object) -> None:
    """A tap of one agent that is told nothing more of."""
    row = _row(await _next_seq(clickhouse), random.Random(7)) | dict.fromkeys(SAID, "")
    await clickhouse.insert_rows("clicks", [row | {"method": "GET", "asn": 0, "broadcast_id": "spring"} | fields])


async def insert_judged(clickhouse: ClickHouse, count: int, rng: random.Random | None = None) -> None:
    """Rows over three months, with wrong verdicts and right ones."""
    first, rng = await _next_seq(clickhouse), rng or random.Random(7)
    await clickhouse.insert_rows("clicks", rows_judged(first, count, rng))


def rows_judged(first: int, count: int, rng: random.Random) -> list[dict[str, object]]:
    """Rows as an older classifier has judged them, with the seqs from first on."""
    return [_row(seq, rng) for seq in range(first, first + count)]


async def _next_seq(clickhouse: ClickHouse) -> int:
    return 1 + int(await clickhouse.value("SELECT max(seq) FROM clicks WHERE lane = 1") or 0)


def _row(seq: int, rng: random.Random) -> dict[str, object]:
    click = recorded_click(rng.choice(RECORDED))
    said = {name: getattr(click, name) for name in SAID}
    reasons = rng.sample(NEIGHBOUR_REASONS, rng.choice([0, 0, 0, 1, 2]))
    asn = rng.choice([0, 16509, 64500])
    row = {
        "lane": 1, "seq": seq, "click_id": str(uuid.UUID(int=rng.getrandbits(128))), "account": "main",
        "broadcast_id": rng.choice(["spring", "autumn"]), "contact_id": f"c-{rng.randrange(50)}", "status": 302,
        "clicked_at": 1_790_000_000 + rng.randrange(3) * MONTH_S, "asn": asn, **said,
    }  # fmt: skip
    if rng.random() < 0.3:
        verdict = with_neighbours(classify(Evidence(*said.values(), asn, "")), reasons)
        return row | {"visit_class": verdict.visit_class, "class_reasons": verdict.reasons, "classifier_version": 1}
    reasons.append(rng.choice(["agent-known-before", "other-rule"]))
    return row | {"visit_class": rng.choice(CLASSES), "class_reasons": reasons, "classifier_version": 1}


async def regrade(clickhouse: ClickHouse, which: Filter | None = None) -> Found:
    run = Regrade(clickhouse, which or Filter())
    found = await run.find()
    async for _ in run.apply(found):
        pass
    await run.forget()
    return found


class _Row(msgspec.Struct, frozen=True, array_like=True):
    evidence: tuple[Any, ...]
    visit_class: VisitClass
    reasons: tuple[str, ...]


async def differing(clickhouse: ClickHouse, condition: str = "true") -> int:
    """Rows whose verdict is not what this release says of their columns; all of them are asked, one by one."""
    columns = ", ".join(Evidence.__struct_fields__)
    rows = await clickhouse.rows(
        f"SELECT tuple({columns}), visit_class, class_reasons FROM clicks WHERE {condition}", _Row
    )
    return sum(
        with_neighbours(classify(Evidence(*row.evidence)), row.reasons) != Verdict(row.visit_class, row.reasons)
        for row in rows
    )


# What the projections answer, and the rows where these settings forbid or demand one.
_BY_HOUR = """
SELECT sum(cityHash64(account, broadcast_id, hour, visit_class, n)) FROM
(
    SELECT account, broadcast_id, toStartOfHour(clicked_at) AS hour, visit_class, count() AS n FROM {table}
    GROUP BY ALL
)
"""
_BY_LANE = """
SELECT sum(cityHash64(lane, first, last, n)) FROM
(SELECT lane, min(seq) AS first, max(seq) AS last, count() AS n FROM {table} GROUP BY lane)
"""


_AS_WRITTEN = "optimize_empty_string_comparisons = 0"  # else no projection has contact_id != '', which is rewritten
_CONTACTS = "SELECT sum(cityHash64(account, broadcast_id, visit_class, clicks, unique_contacts)) FROM hourly_clicks"
_ASKED = {"hourly": _BY_HOUR, "hourly contacts": _CONTACTS, "per_lane": _BY_LANE}


_PARTS = """
SELECT arraySort(groupArray(name)) FROM system.parts WHERE database = currentDatabase() AND table = 'clicks' AND active
"""


async def projection_faults(clickhouse: ClickHouse) -> list[str]:
    """The questions that the projections answer in another way than the same parts' rows do, with both answers."""
    while True:
        before = await clickhouse.value(_PARTS)
        faults = [fault for name, sql in _ASKED.items() if (fault := await _fault(clickhouse, name, sql))]
        if await clickhouse.value(_PARTS) == before:
            return faults


async def _fault(clickhouse: ClickHouse, name: str, sql: str) -> str:
    by_projection, by_rows = [
        await clickhouse.value(sql.format(table="clicks") + f" SETTINGS {_AS_WRITTEN}, {settings}")
        for settings in ("force_optimize_projection = 1", "optimize_use_projections = 0")
    ]
    return "" if by_projection == by_rows else f"{name}: {by_projection} by the projection, {by_rows} by the rows"
