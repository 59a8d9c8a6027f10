"""Engagement summed over an account and those below it."""

import asyncio

from control.reports.shapes import AccountReport, AccountRow, Classes
from control.reports.statements import CLASS_COUNTS
from runtime.clickhouse import ClickHouse

_BELOW = "(account = {account:String} OR startsWith(account, concat({account:String}, '/')))"
_CLASSES = f"SELECT {CLASS_COUNTS} FROM clicks WHERE {_BELOW} AND counted"  # noqa: S608 - of constants alone
_BY_ACCOUNT = f"""
SELECT
    account, countIf(NOT startsWith(broadcast_id, 'shared:')) AS broadcasts, sum(links) AS links,
    sum(contacts) AS contacts, sum(human_clicks) AS clicks, sum(unique_contacts) AS unique_contacts,
    if(contacts = 0, 0, unique_contacts / contacts) AS click_through_rate
FROM (SELECT * FROM broadcast_report WHERE {_BELOW})
GROUP BY account ORDER BY account LIMIT 10000
"""  # noqa: S608


async def read_account_report(clickhouse: ClickHouse, account: str) -> AccountReport:
    classes, by_account = await asyncio.gather(
        clickhouse.rows(_CLASSES, Classes, account=account),
        clickhouse.rows(_BY_ACCOUNT, AccountRow, account=account),
    )
    contacts, unique_contacts = sum(row.contacts for row in by_account), sum(row.unique_contacts for row in by_account)
    return AccountReport(
        account=account,
        broadcasts=sum(row.broadcasts for row in by_account),
        links=sum(row.links for row in by_account),
        contacts=contacts,
        clicks=classes[0],
        unique_contacts=unique_contacts,
        click_through_rate=unique_contacts / contacts if contacts else 0.0,
        by_account=by_account,
    )
