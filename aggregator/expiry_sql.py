"""The statements that erase all contacts whose links are old. As those of erasure_sql.py they name none of them.

{until} is the id below which links are old enough: ids grow with time.
"""

from collections.abc import Iterable

from aggregator.erasure_sql import MUTATION
from records.erasure import ERASED_LINKS, EXPIRIES, IS_TOKEN, TOKEN
from records.link import CANARY

SECRETS = "taptrail_internal.expiry_secrets"

OPEN = f"""
SELECT until_link, maxMap(map(toString(step), toUnixTimestamp64Milli(done_at))) AS steps,
    toUnixTimestamp64Milli(now64(3)) AS now_ms
FROM {EXPIRIES} WHERE until_link NOT IN (SELECT until_link FROM {EXPIRIES} WHERE step = 'done')
GROUP BY until_link ORDER BY until_link LIMIT 1
"""  # noqa: S608

# By whole days, so that aggregators that look at the same time find the same.
DUE = f"""
SELECT max(link_id) + 1 AS until FROM links
WHERE minted_at < toStartOfDay(now()) - toIntervalMonth({{months:UInt16}})
HAVING count() > 0 AND until > (SELECT max(until_link) FROM {EXPIRIES})
"""  # noqa: S608

BEGUN_BELOW = f"SELECT max(until_link) FROM {EXPIRIES}"  # noqa: S608

DRAW_SECRET = f"""
INSERT INTO {SECRETS} (until_link, secret)
SELECT {{until:UInt64}}, {{secret:String}} WHERE {{until:UInt64}} NOT IN (SELECT until_link FROM {SECRETS})
"""  # noqa: S608


def tokens_of(link_ids: Iterable[int]) -> str:
    """Of links that have one."""
    among = f"({', '.join(map(str, link_ids))})"
    return f"SELECT link_id, contact_id AS token FROM links WHERE link_id IN {among} AND {IS_TOKEN}"  # noqa: S608


def count_links(until: int) -> str:
    return f"SELECT count() FROM links WHERE {_is_link_due(until)}"  # noqa: S608


def clear_links(until: int) -> str:
    """Tokens in place of contacts, and no field."""
    return f"""
ALTER TABLE links UPDATE contact_id = {_token(until)}, fields = map() WHERE {_is_link_due(until)}
{MUTATION}
"""


def partitions_with(until: int) -> str:
    """Of clicks, those with a click on such a link that still names its contact, and how many."""
    return f"""
SELECT _partition_id AS partition, count() AS rows FROM clicks WHERE {_is_click_due(until)}
GROUP BY partition ORDER BY partition
"""  # noqa: S608


def clear_clicks(until: int, partition: str) -> str:
    """As erasure_sql.clear_clicks does."""
    return f"""
ALTER TABLE clicks UPDATE
    contact_id = {_token(until)}, visitor_id = if(visitor_id = 0, 0, sipHash64({_secret(until)}, visitor_id)),
    user_agent = '', sec_ch_ua = '', ip_prefix = '', code = '', destination = '', query_marks = map()
IN PARTITION ID '{partition}'
WHERE {_is_click_due(until)}
{MUTATION}
"""


def count_others(table: str, months: int) -> str:
    return f"SELECT count() FROM {table} WHERE {OTHERS[table].condition(months)}"  # noqa: S608


def clear_others(table: str, months: int) -> str:
    return f"ALTER TABLE {table} UPDATE {OTHERS[table].emptied} = '' WHERE {OTHERS[table].condition(months)} {MUTATION}"


class _Other:
    """A table that may hold contacts in a column: emptied where the row is old."""

    def __init__(self, emptied: str, at: str) -> None:
        self.emptied, self._at = emptied, at

    def condition(self, months: int) -> str:
        return f"{self.emptied} != '' AND {self._at} < toStartOfDay(now()) - toIntervalMonth({months})"


OTHERS = {
    "dead_clicks": _Other("payload", "received_at"),
    "taptrail_internal.mints": _Other("body_hash", "minted_at"),
}


def _secret(until: int) -> str:
    return f"(SELECT argMin(secret, (written_at, secret)) FROM {SECRETS} WHERE until_link = {until})"  # noqa: S608


def _token(until: int) -> str:
    """The same for a link and its clicks, and for all links of a contact in a broadcast."""
    mark = f"if(startsWith(contact_id, '{CANARY}'), '{CANARY}', '')"
    return f"concat({mark}, '{TOKEN}', lower(hex(sipHash128({_secret(until)}, broadcast_no, contact_id))))"


def _is_named(until: int) -> str:
    erased = f"SELECT link_id FROM {ERASED_LINKS}"  # noqa: S608 - those get their token by the erasure
    return f"link_id < {until} AND contact_id != '' AND NOT {IS_TOKEN} AND link_id NOT IN ({erased})"


def _is_link_due(until: int) -> str:
    """A contact who has a newer link in the broadcast waits for that one: else two tokens would count as two."""
    both = f"SELECT broadcast_no FROM links WHERE {_is_named(until)}"  # noqa: S608
    newer = (
        f"SELECT sipHash64(broadcast_no, contact_id) FROM links"  # noqa: S608
        f" WHERE link_id >= {until} AND contact_id != '' AND broadcast_no IN ({both})"
    )
    return f"{_is_named(until)} AND sipHash64(broadcast_no, contact_id) NOT IN ({newer})"


def _is_click_due(until: int) -> str:
    """Its link has a token by now, or is none that there is."""
    named = f"SELECT link_id FROM links WHERE {_is_named(until)}"  # noqa: S608
    return f"{_is_named(until)} AND link_id NOT IN ({named})"
