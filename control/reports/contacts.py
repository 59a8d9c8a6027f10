"""The contacts of a broadcast that tapped, the latest to begin first."""

from datetime import datetime

import msgspec

from control.http.lists import Listed, Page, listed
from control.reports.filters import NONE, Filters, narrowing
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

_TAPPED = """
SELECT
    contact_id, max(toString(audience)) AS audience, count() AS clicks,
    formatDateTime(min(clicked_at) AS first, '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS first_click_at,
    formatDateTime(max(clicked_at), '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS last_click_at,
    argMin(toString(device_type), clicked_at) AS device_type, argMin(toString(os), clicked_at) AS os,
    toUnixTimestamp64Milli(first) AS first_ms
FROM clicks
WHERE account = {account:String} AND broadcast_id = {id:String} AND engaged AND contact_id != ''
    AND ({q:String} = '' OR positionCaseInsensitiveUTF8(contact_id, {q:String}) > 0)
GROUP BY contact_id
HAVING ({before:Int64} = -1 OR (first_ms, contact_id) < ({before:Int64}, {contact:String}))
ORDER BY first_ms DESC, contact_id DESC
LIMIT {limit:UInt32}
"""


class ContactRow(msgspec.Struct):
    """One contact that tapped; device and system are those of its first tap."""

    contact_id: str
    audience: str
    clicks: int
    first_click_at: datetime
    last_click_at: datetime
    device_type: str
    os: str


class _Read(ContactRow):
    first_ms: int


async def tapped_contacts(
    clickhouse: ClickHouse, broadcast: Broadcast, asked: Page, q: str = "", filters: Filters = NONE
) -> Listed[ContactRow]:
    """q: part of the contact_id, in any case. asked.after: (Unix milliseconds of the first tap, contact_id)."""
    before, contact = asked.after or (-1, "")
    rows = await clickhouse.rows(
        f"{_TAPPED} {narrowing(filters)}", _Read, account=broadcast.account, id=broadcast.broadcast_id, q=q,
        before=before, contact=contact, limit=asked.limit + 1,
    )  # fmt: skip
    found = listed(rows, asked, lambda row: (row.first_ms, row.contact_id))
    items = [ContactRow(*(getattr(row, name) for name in ContactRow.__struct_fields__)) for row in found.items]
    return Listed(items, found.last)
