"""How long rows keep what describes a visitor's device and network: columns of `clicks` that no figure counts.

ClickHouse empties them itself when it merges (column TTL). Projections stay as they are, and so does every sum.
"""

import re

from runtime.clickhouse import ClickHouse

AGENT_COLUMNS = ("user_agent", "sec_ch_ua", "ip_prefix")

_AFTER = "toDateTime(clicked_at) + toIntervalMonth({months})"
_COLUMN = re.compile(r"^\s*`(\w+)` .*?(?: TTL toDateTime\(clicked_at\) \+ toIntervalMonth\((\d+)\))?,?$")


async def keep_agents(clickhouse: ClickHouse, months: int) -> bool:
    """Have these columns emptied so many months after the click, 0: never. Gives whether that is another number now.

    What is older is emptied in the background.
    """
    changes = changes_to(months, (await clickhouse.body("SHOW CREATE TABLE clicks FORMAT TSVRaw")).decode())
    if changes:
        await clickhouse.execute(f"ALTER TABLE clicks {', '.join(changes)} SETTINGS mutations_sync = 0, alter_sync = 1")
    return bool(changes)


def changes_to(months: int, created: str) -> list[str]:
    """What an ALTER of the table has to change. created: the table as SHOW CREATE TABLE says it, a column a line."""
    kept = {
        found[1]: int(found[2] or 0)
        for line in created.splitlines()
        if (found := _COLUMN.match(line)) and found[1] in AGENT_COLUMNS
    }
    return [_change(column, months) for column in AGENT_COLUMNS if kept.get(column, 0) != months]


def _change(column: str, months: int) -> str:
    ttl = f"TTL {_AFTER.format(months=months)}" if months else "REMOVE TTL"
    return f"MODIFY COLUMN {column} {ttl}"
