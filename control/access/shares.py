"""Makes shares, revokes them, and knows which report a token opens."""

import secrets

import msgspec

from control.access.caller import Author
from control.access.share import SHARES, Made, Share, Tokens, digest_of
from control.catalogue.changes import SHARE, Changes
from control.http.problems import Problem, invalid
from control.locks import Locks
from records.account import within
from records.broadcast import Broadcast
from records.tables import in_force
from runtime.clickhouse import ClickHouse
from runtime.clock import unix_ms
from runtime.json_faults import described

MAX_SHARES = 100  # in force, of one broadcast
LONGEST_MS = 366 * 86_400_000
_DEFAULT_MS = 30 * 86_400_000
_LIVE = "revoked_at_ms = 0 AND expires_at_ms > {now:UInt64}"
_OF_BROADCAST = "account = {account:String} AND broadcast_id = {broadcast:String}"
# A share in force has one row: that of its making.
_LIST = (
    f"SELECT share_id, created_at_ms, expires_at_ms, change.who_account, change.who_key FROM {SHARES.name} FINAL"  # noqa: S608
    f" WHERE {_OF_BROADCAST} AND {_LIVE} ORDER BY created_at_ms, share_id"
)


class Shares:
    """Every call raises Problem, and what ClickHouse raises."""

    def __init__(self, clickhouse: ClickHouse, locks: Locks, changes: Changes, code_key: bytes) -> None:
        self._clickhouse, self._locks, self._changes = clickhouse, locks, changes
        self._tokens = Tokens(code_key)

    async def create(self, broadcast: Broadcast, expires_at_ms: int | None, by: Author) -> tuple[Share, str]:
        """A new share, and its token, which is kept nowhere. Without a time it ends after 30 days."""
        now_ms, token = unix_ms(), self._tokens.make()
        if expires_at_ms is None:
            expires_at_ms = now_ms + _DEFAULT_MS
        if not now_ms < expires_at_ms <= now_ms + LONGEST_MS:
            raise invalid("expires_at", "expires_at is past, or more than 366 days away; expected a time in between")
        async with self._locks.hold(f"shares:{broadcast.broadcast_no}", wait_s=10.0):
            if len(await self.of(broadcast)) >= MAX_SHARES:
                detail = (
                    f"broadcast {broadcast.broadcast_id} has {MAX_SHARES} shares, the most there can be; revoke some"
                )
                raise Problem("conflict", detail)
            share = Share(
                secrets.token_hex(8), broadcast.account, broadcast.broadcast_id, digest_of(token), now_ms, expires_at_ms
            )
            return await self._changes.write(SHARE, share, None, by), token

    async def of(self, broadcast: Broadcast) -> list[Made]:
        """Those in force of a broadcast, oldest first."""
        named = {"account": broadcast.account, "broadcast": broadcast.broadcast_id}
        return await self._clickhouse.rows(_LIST, Made, now=unix_ms(), **named)

    async def revoke(self, account: str, share_id: str, by: Author) -> None:
        """From now on; raises Problem for one that is not in force in this account or below it."""
        condition = f"share_id = {{id:String}} AND {_LIVE}"
        found = await self._clickhouse.rows(in_force(SHARES, condition), Share, id=share_id, now=unix_ms())
        share = next((share for share in found if within(share.account, account)), None)
        if share is None:
            raise Problem("not-found", f"account {account} has no share {described(share_id)}", field="share_id")
        now_ms = unix_ms()
        gone = msgspec.structs.replace(share, revoked_at_ms=now_ms, version=now_ms)
        await self._changes.write(SHARE, gone, share, by, "revoked")

    async def opened_by(self, token: str) -> Share | None:
        """The share in force of this token. What nobody made is refused without asking a store."""
        if not self._tokens.is_one(token):
            return None
        condition = f"digest = {{digest:String}} AND {_LIVE}"
        rows = await self._clickhouse.rows(in_force(SHARES, condition), Share, digest=digest_of(token), now=unix_ms())
        return rows[0] if rows else None
