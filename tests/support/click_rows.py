"""Rows of clicks as an aggregator would have inserted them."""

import uuid

SENT = 1_790_000_000


def click_row(contact_id, visit_class="human", *, after_s=60.0, status=302, **fields):
    return {
        "lane": 1, "seq": uuid.uuid4().int % 10**9, "click_id": str(uuid.uuid4()), "account": "main",
        "broadcast_id": "spring", "contact_id": contact_id, "visit_class": visit_class,
        "clicked_at": f"{SENT + after_s:.3f}", "received_at": f"{SENT + after_s:.3f}", "status": status, **fields,
    }  # fmt: skip


async def click(clickhouse, *of_row, **fields):
    await clickhouse.insert_rows("clicks", [click_row(*of_row, **fields)])
