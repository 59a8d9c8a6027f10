"""How much a top-level account and those below it may have, so that no account fills what all of them share."""

import msgspec

from control.http.problems import Problem
from records.account import top_level
from records.tables import BROADCASTS, DOMAINS, EXISTING, Table
from runtime.clickhouse import ClickHouse

MAX_DOMAINS = 1_000
MAX_BROADCASTS = 100_000

_OF_TREE = "(account = {tree:String} OR startsWith(account, concat({tree:String}, '/')))"
# Those that came with shared links are as many as the links; two ranges, so that ClickHouse passes over them.
_WITHOUT_SHARED = "(broadcast_id < 'shared:' OR broadcast_id >= 'shared;')"


class Quotas(msgspec.Struct, frozen=True):
    domains: int = MAX_DOMAINS
    broadcasts: int = MAX_BROADCASTS

    async def check_domains(self, clickhouse: ClickHouse, account: str) -> None:
        """Raises Problem where one more domain is one too many. What is made at the same moment is not counted."""
        remedy = "delete some, or raise TAPTRAIL_MAX_DOMAINS"
        await _check(clickhouse, DOMAINS, EXISTING, account, self.domains, remedy)

    async def check_broadcasts(self, clickhouse: ClickHouse, account: str) -> None:
        """The same for a broadcast that is no shared link's own."""
        remedy = "delete those without links, or raise TAPTRAIL_MAX_BROADCASTS"
        await _check(clickhouse, BROADCASTS, f"{EXISTING} AND {_WITHOUT_SHARED}", account, self.broadcasts, remedy)


USUAL = Quotas()


async def _check(clickhouse: ClickHouse, table: Table, condition: str, account: str, most: int, remedy: str) -> None:
    tree = top_level(account)
    counted = f"SELECT count() FROM {table.name} FINAL WHERE {_OF_TREE} AND {condition}"  # noqa: S608 - our own names
    there = int(await clickhouse.value(counted, tree=tree))
    if there >= most:
        detail = f"account {tree} and those below it have {there:,} {table.name}, of {most:,} that they may; {remedy}"
        raise Problem("conflict", detail, field="account")
