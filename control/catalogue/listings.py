"""Pages of what an account has: domains, broadcasts, links, clicks, and all of one contact."""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from control.catalogue.broadcasts import SHARED
from control.catalogue.link_page import link_state
from control.http.lists import Listed, Page, listed
from control.http.problems import Problem
from control.http.schemas import LinkState
from control.minting.link_table import LinkRow, LinkTable
from records.broadcast import Broadcast
from records.domain import Domain
from records.forms import milliseconds
from records.tables import BROADCASTS, DOMAINS, EXISTING, in_force
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms

BroadcastState = Literal["live", "over", "archived"]
LinkKind = Literal["personal", "shared", "canary"]
MOST_OF_A_CONTACT = 1_000  # links, and clicks, the newest

_WITHIN = "(account = {account:String} OR startsWith(account, concat({account:String}, '/')))"
_STATES = {
    "live": "NOT archived AND NOT stopped AND (expires_at_ms = 0 OR expires_at_ms > {now:UInt64})",
    "over": "NOT archived AND (stopped OR (expires_at_ms != 0 AND expires_at_ms <= {now:UInt64}))",
    "archived": "archived",
    None: "NOT archived",
}
_WORDS = "concat(broadcast_id, '\\n', keyword, '\\n', source)"
# 64-bit hashes as text: a reader of JSON that keeps numbers as floats would change them.
_CLICK = (
    "* REPLACE (toString(visitor_id) AS visitor_id, lower(leftPad(hex(lane), 16, '0')) AS lane,"
    " formatDateTime(c.clicked_at, '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS clicked_at,"
    " formatDateTime(c.received_at, '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS received_at)"
)
_TAPPED = "SELECT link_id FROM clicks WHERE account = {own:String} AND broadcast_id = {broadcast:String} AND engaged"
_IN = "AND broadcast_id IN {known:Array(String)}"


class Listings:
    def __init__(self, clickhouse: ClickHouse, links: LinkTable) -> None:
        self._clickhouse, self._links = clickhouse, links

    async def domains(self, account: str, asked: Page) -> Listed[Domain]:
        """By name. asked.after: (name,)."""
        condition = f"{EXISTING} AND {_WITHIN} AND short_domain > {{after:String}}"
        sql = f"SELECT * FROM ({in_force(DOMAINS, condition)}) ORDER BY short_domain LIMIT {asked.limit + 1}"  # noqa: S608
        after = asked.after[0] if asked.after else ""
        rows = await self._clickhouse.rows(sql, Domain, account=account, after=after)
        return listed(rows, asked, lambda domain: (domain.short_domain,))

    async def broadcasts(
        self, account: str, asked: Page, *, q: str, state: BroadcastState | None, since: datetime | None
    ) -> Listed[Broadcast]:
        """The newest first; those that shared links bring with them are left out. asked.after: (number,)."""
        conditions = [
            EXISTING,
            _WITHIN,
            f"NOT startsWith(broadcast_id, '{SHARED}')",
            _STATES[state],
            "sent_at_ms >= {since:UInt64}",
        ]
        if q:
            conditions.append(f"positionCaseInsensitiveUTF8({_WORDS}, {{q:String}}) > 0")
        if asked.after:
            conditions.append("broadcast_no < {after:UInt64}")
        chosen = in_force(BROADCASTS, " AND ".join(conditions))
        sql = f"SELECT * FROM ({chosen}) ORDER BY broadcast_no DESC LIMIT {asked.limit + 1}"  # noqa: S608
        given = {"after": asked.after[0]} if asked.after else {}
        rows = await self._clickhouse.rows(
            sql, Broadcast, account=account, q=q, now=unix_ms(), since=milliseconds(since), **given
        )
        return listed(rows, asked, lambda broadcast: (broadcast.broadcast_no,))

    async def links(
        self, broadcast: Broadcast, asked: Page, *, contact_id: str, audience: str | None, tapped: bool | None,
        kind: LinkKind | None,
    ) -> Listed[LinkState]:  # fmt: skip
        """In the order in which they were minted. asked.after: (link id,). tapped: by a person, or by none.

        kind: None for all but canaries.
        """
        conditions = ["broadcast_no = {no:UInt64}", "kind = {kind:String}" if kind else "kind != 'canary'"]
        if contact_id:
            conditions.append("contact_id = {contact:String}")
        if audience is not None:
            conditions.append("audience = {audience:String}")
        if tapped is not None:
            conditions.append(f"link_id {'' if tapped else 'NOT '}IN ({_TAPPED})")
        return await self._links_where(
            conditions, asked, no=broadcast.broadcast_no, contact=contact_id, audience=audience or "",
            own=broadcast.account, broadcast=broadcast.broadcast_id, kind=kind or "",
        )  # fmt: skip

    async def shared_links(self, account: str, asked: Page, *, short_domain: str) -> Listed[LinkState]:
        """Links without a contact, in the order in which they were made. asked.after: (link id,)."""
        conditions = ["contact_id = ''", _WITHIN]
        if short_domain:
            conditions.append("short_domain = {domain:String}")
        return await self._links_where(conditions, asked, account=account, domain=short_domain)

    async def clicks(
        self, broadcast: Broadcast, asked: Page, *, visit_class: str, since: datetime | None
    ) -> Listed[dict[str, Any]]:
        """Rows of `clicks`, the newest first. asked.after: (Unix milliseconds, click id)."""
        conditions = [
            "account = {account:String}", "broadcast_id = {broadcast:String}",
            "c.clicked_at >= fromUnixTimestamp64Milli({since:Int64})",
        ]  # fmt: skip
        if visit_class:
            conditions.append("visit_class = {class:String}")
        if asked.after:
            conditions.append(
                "(toUnixTimestamp64Milli(c.clicked_at), click_id) < ({before:Int64}, toUUID({click:String}))"
            )
        before, click = asked.after or (0, "")
        rows = await self._clicks(
            f"WHERE {' AND '.join(conditions)} ORDER BY c.clicked_at DESC, click_id DESC LIMIT {asked.limit + 1}",
            account=broadcast.account, broadcast=broadcast.broadcast_id, since=milliseconds(since),
            before=before, click=click, **{"class": visit_class},
        )  # fmt: skip
        return listed(rows, asked, lambda row: (_ms_of(row["clicked_at"]), row["click_id"]))

    async def contact(self, account: str, contact_id: str) -> tuple[list[LinkState], list[dict[str, Any]]]:
        """The newest links and clicks of a contact, of all broadcasts; raises Problem where there is no link."""
        found = await self._links.where(
            f"contact_id = {{contact:String}} AND {_WITHIN} ORDER BY link_id DESC", MOST_OF_A_CONTACT,
            account=account, contact=contact_id,
        )  # fmt: skip
        if not found:
            raise Problem("not-found", f"account {account} has no link for this contact", field="contact_id")
        # Clicks are sorted by broadcast: with these, a few of them are read instead of all. Of more links than are
        # known here the newest click may be of any.
        known = sorted({row.broadcast_id for row in found}) if len(found) < MOST_OF_A_CONTACT else []
        clicks = await self._clicks(
            f"WHERE {_WITHIN} AND contact_id = {{contact:String}} {_IN if known else ''} ORDER BY c.clicked_at DESC"
            f" LIMIT {MOST_OF_A_CONTACT}",
            account=account, contact=contact_id, **({"known": known} if known else {}),
        )  # fmt: skip
        return await self._states(found), clicks

    async def _links_where(self, conditions: Sequence[str], asked: Page, **given: Any) -> Listed[LinkState]:
        after = "link_id > {after:UInt64}" if asked.after else "true"
        rows = await self._links.where(
            f"{' AND '.join([*conditions, after])} ORDER BY link_id", asked.limit + 1,
            after=asked.after[0] if asked.after else 0, **given,
        )  # fmt: skip
        found = listed(rows, asked, lambda row: (row.link_id,))
        return Listed(await self._states(found.items), found.last)

    async def _clicks(self, condition: str, **given: Any) -> list[dict[str, Any]]:
        return await self._clickhouse.rows(f"SELECT {_CLICK} FROM clicks AS c {condition}", dict, **given)  # noqa: S608

    async def _states(self, rows: Sequence[LinkRow]) -> list[LinkState]:
        """Each link as its page says it. One that no edge knows any more is left out."""
        numbers = sorted({row.broadcast_no for row in rows})
        names = sorted({row.short_domain for row in rows})
        by_number = "broadcast_no IN ({numbers:Array(UInt64)})"
        broadcasts = await self._clickhouse.rows(in_force(BROADCASTS, by_number), Broadcast, numbers=numbers)
        by_name = "short_domain IN ({names:Array(String)})"
        domains = await self._clickhouse.rows(in_force(DOMAINS, by_name), Domain, names=names)
        of_number = {broadcast.broadcast_no: broadcast for broadcast in broadcasts}
        of_name = {domain.short_domain: domain for domain in domains}
        states, now_ms = [], unix_ms()
        for row in rows:
            with contextlib.suppress(Problem, KeyError):
                states.append(link_state(row, of_name[row.short_domain], of_number[row.broadcast_no], now_ms))
        return states


def _ms_of(time: str) -> int:
    return milliseconds(msgspec.convert(time, datetime))
