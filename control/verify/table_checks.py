"""What the table of links says of a broadcast: one link for each contact and destination, no code twice."""

from collections.abc import AsyncIterator

import msgspec

from control.verify.findings import MAX_EXAMPLES, Finding
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

_HERE = "broadcast_no = {no:UInt64} AND kind != 'canary'"
_USED = f"SELECT groupUniqArray(destination_index), count() FROM links WHERE {_HERE}"  # noqa: S608
# A destination that no link names was added later; no contact misses it.
_CONTACTS = f"""
SELECT count() AS found, groupArray({MAX_EXAMPLES})(contact_id) AS examples FROM
(
    SELECT contact_id, count() AS links, uniqExact(destination_index) AS destinations FROM links
    WHERE {_HERE} AND contact_id != '' GROUP BY contact_id
    HAVING %s
)
"""  # noqa: S608
_FEWER = "destinations < {used:UInt64}"
_MORE = "links > destinations"
_TWICE = f"""
SELECT count() AS found, groupArray({MAX_EXAMPLES})(code) AS examples FROM
(
    SELECT code FROM links WHERE broadcast_no = {{no:UInt64}} AND code != ''
    GROUP BY short_domain, code HAVING count() > 1
)
"""  # noqa: S608


class _Found(msgspec.Struct):
    found: int
    examples: list[str]


class Minted(msgspec.Struct, array_like=True):
    """What a broadcast's links name."""

    destinations: list[int]
    links: int


async def minted(clickhouse: ClickHouse, broadcast: Broadcast) -> Minted:
    (answer,) = await clickhouse.rows(_USED, Minted, no=broadcast.broadcast_no)
    return answer


async def table_findings(clickhouse: ClickHouse, broadcast: Broadcast, there: Minted) -> AsyncIterator[Finding]:
    if not there.links:
        yield Finding("fail", "links-per-contact", "no link was minted for this broadcast")
        return
    number, used = broadcast.broadcast_no, len(there.destinations)
    fewer = await _found(clickhouse, _CONTACTS % _FEWER, no=number, used=used)
    if fewer.found:
        detail = f"{fewer.found} contacts have no link for one or more of the {used} destinations; mint them again"
        yield Finding("fail", "links-per-contact", detail, fewer.examples)
    more = await _found(clickhouse, _CONTACTS % _MORE, no=number)
    if more.found:
        detail = f"{more.found} contacts have more than one link for the same destination; send each of them one"
        yield Finding("fail", "links-per-contact", detail, more.examples)
    twice = await _found(clickhouse, _TWICE, no=number)
    if twice.found:
        yield Finding("fail", "code-twice", f"{twice.found} codes belong to more than one link", twice.examples)
    for index in sorted(set(range(len(broadcast.destinations))) - set(there.destinations)):
        yield Finding(
            "warn", "links-per-contact", f"no link leads to destination {index}", [broadcast.destinations[index]]
        )


async def _found(clickhouse: ClickHouse, sql: str, **parameters: int) -> _Found:
    (answer,) = await clickhouse.rows(sql, _Found, **parameters)
    return answer
