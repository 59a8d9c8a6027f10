"""Broadcasts of a week ago whose visits are known to the row: inserted as an aggregator would have."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from runtime.clickhouse import ClickHouse
from tests.browser.shop import Shop

ZONE = "Europe/Berlin"
SENT = datetime(2026, 5, 5, 7, 30, tzinfo=UTC)  # a Tuesday; 9:30 in Berlin
MACHINES = ("preview", "preview", "preview", "scanner", "prefetch", "bot")
# What gave each of them away, as the rules of this release name it.
REASONS = {
    "preview": ("agent-whatsapp", "agent-whatsapp", "agent-imessage-preview", "agent-google-messages"),
    "scanner": ("agent-mail-security", "network-security-vendor", "agent-barracuda"),
    "prefetch": ("purpose-prefetch",),
    "bot": ("list-isbot", "agent-tool"),
}
DEVICES = (
    ("phone", "iOS", "Mobile Safari"), ("phone", "Android", "Chrome Mobile"), ("phone", "Android", "Samsung Internet"),
    ("desktop", "Windows", "Edge"), ("tablet", "iOS", "Mobile Safari"),
)  # fmt: skip
# Weights as of a German shop: one country has most, some a few; Singapore and Malta are too small for the map.
PLACES = {
    ("DE", "Bavaria"): 300, ("DE", "Berlin"): 220, ("DE", "North Rhine-Westphalia"): 260, ("AT", "Vienna"): 80,
    ("CH", "Zurich"): 60, ("FR", "Ile-de-France"): 18, ("NL", "North Holland"): 16, ("PL", "Mazovia"): 14,
    ("IT", "Lombardy"): 12, ("ES", "Madrid"): 9, ("GB", "England"): 9, ("US", "Virginia"): 7, ("TR", "Istanbul"): 5,
    ("SE", "Stockholm"): 4, ("BR", "Sao Paulo"): 3, ("AU", "Victoria"): 2, ("IN", "Karnataka"): 2, ("SG", ""): 2,
    ("MT", ""): 1, ("XK", ""): 1, ("ZA", "Gauteng"): 1, ("", ""): 11,
}  # fmt: skip


PLAYED = 10**9  # link ids of these visits begin here: no link of the shop has one of them


def visits(contacts: int, taps: int, seed: int = 7) -> list[dict[str, Any]]:
    """Of people, most of them within hours and few at night, and of machines within minutes."""
    chance = random.Random(seed)
    rows = []
    while len(rows) < taps:
        at = SENT + timedelta(seconds=chance.lognormvariate(9.4, 1.6))
        sleeps = (at.hour >= 21 or at.hour < 5) and chance.random() < 0.9
        if not sleeps and at < SENT + timedelta(days=6):
            rows.append(_visit(chance, contacts, "human", at))
    for _ in range(taps // 3):
        at = SENT + timedelta(seconds=chance.expovariate(1 / 900))
        rows.append(_visit(chance, contacts, chance.choice(MACHINES), at))
    return rows


def _visit(chance: random.Random, contacts: int, visit_class: str, at: datetime) -> dict[str, Any]:
    country, region = chance.choices(list(PLACES), list(PLACES.values()))[0]
    device_type, os, browser = chance.choice(DEVICES)
    contact = chance.randrange(contacts)
    return {
        "contact_id": f"played-{contact}", "audience": ("vip", "new", "")[contact % 3], "link_id": PLAYED + contact,
        "visit_class": visit_class, "clicked_at": round(at.timestamp(), 3), "country": country, "region": region,
        "device_type": device_type, "os": os, "browser": browser, "visitor_id": contact,
        "class_reasons": [chance.choice(REASONS[visit_class])] if visit_class in REASONS else [],
    }  # fmt: skip


def play(shop: Shop, broadcast_id: str, contacts: int, rows: list[dict[str, Any]], **fields: Any) -> None:
    """A broadcast with visits of contacts of its own: no other page shows them."""
    shop.broadcast(broadcast_id, contacts, of="played", sent_at=SENT.isoformat(), timezone=ZONE, **fields)
    insert(shop, broadcast_id, rows)


def insert(shop: Shop, broadcast_id: str, rows: list[dict[str, Any]]) -> None:
    lane = uuid.uuid4().int % 2**63
    written = [
        {"lane": lane, "seq": number, "click_id": str(uuid.uuid4()), "account": "main", "broadcast_id": broadcast_id,
         "status": 302, "received_at": row["clicked_at"], **row}
        for number, row in enumerate(rows, 1)
    ]  # fmt: skip
    _ask(shop, lambda clickhouse: clickhouse.insert_rows("clicks", written))


def rows_of(shop: Shop, broadcast_id: str) -> list[dict[str, Any]]:
    """Its counted visits as they are in the table."""
    sql = (
        "SELECT *, toUnixTimestamp64Milli(clicked_at) AS at_ms FROM clicks WHERE broadcast_id = {id:String} AND counted"
    )
    return _ask(shop, lambda clickhouse: clickhouse.rows(sql, dict, id=broadcast_id))


def _ask(shop: Shop, question: Callable[[ClickHouse], Awaitable[Any]]) -> Any:
    async def answer() -> Any:
        clickhouse = ClickHouse(shop.stack.ready["clickhouse"])
        try:
            return await question(clickhouse)
        finally:
            await clickhouse.close()

    with ThreadPoolExecutor(1) as threads:  # Playwright's own loop runs in this one
        return threads.submit(asyncio.run, answer()).result()
