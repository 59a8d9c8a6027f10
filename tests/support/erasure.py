"""Contacts that are erased, and a look at everything that ClickHouse has, for what is left of them."""

from aggregator import erasures as aggregator_erasures
from records.erasure import ERASURES, NAMES, STEPS, Step
from runtime.clickhouse import ClickHouse

DATABASES = ("taptrail", "taptrail_internal")


async def ask(
    clickhouse: ClickHouse, erasure: int, contact_id: str, account: str = "main", links: str = "keep"
) -> None:
    """As control records it."""
    name = {"erasure": erasure, "account": account, "contact_id": contact_id, "secret": f"{erasure:032x}"}
    await clickhouse.insert_rows(NAMES, [name])
    row = {"erasure": erasure, "account": account, "contact_hash": f"hash of {contact_id}", "links": links}
    await clickhouse.insert_rows(ERASURES, [row])


async def forgotten(clickhouse: ClickHouse, *erasures: int) -> None:
    """What control says when Redis and the edges no longer know the contact."""
    await clickhouse.insert_rows(STEPS, [{"erasure": one, "step": Step.FORGOTTEN} for one in erasures])


async def settled(clickhouse: ClickHouse) -> None:
    """Let the time pass in which aggregators hear of the links."""
    await clickhouse.execute(
        f"ALTER TABLE {STEPS} UPDATE done_at = done_at - {aggregator_erasures.SETTLE_MS // 1000} WHERE step = 'linked'"
        " SETTINGS mutations_sync = 1"
    )


async def places_with(clickhouse: ClickHouse, text: str) -> list[str]:
    """Columns of all tables and projections that hold a text, also in Base64, and mutations that name it."""
    columns = await clickhouse.rows(
        "SELECT database, table, name, type FROM system.columns WHERE database IN {databases:Array(String)}"
        " AND (database, table) IN (SELECT database, name FROM system.tables WHERE engine LIKE '%MergeTree')",
        dict, databases=DATABASES,
    )  # fmt: skip
    found = []
    for each in columns:
        if not any(kind in each["type"] for kind in ("String", "Map", "Tuple")):
            continue
        shown = f"toString(`{each['name']}`)"
        place = f"{each['database']}.{each['table']}"
        sql = (
            f"SELECT count() FROM {place} WHERE position({shown}, {{text:String}}) > 0"
            f" OR position(tryBase64Decode({shown}), {{text:String}}) > 0"
        )
        if await clickhouse.value(sql, text=text):
            found.append(f"{place}.{each['name']}")
    named = "SELECT count() FROM system.mutations WHERE position(command, {text:String}) > 0"
    return [*found, *(["system.mutations"] if await clickhouse.value(named, text=text) else [])]
