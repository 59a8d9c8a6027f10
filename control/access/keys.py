"""Makes and revokes keys, and keeps this process's ring true to what other processes made and revoked.

ClickHouse has the record, Redis spreads the news. While either of them answers, a key that is revoked is void on every
control process within a second; what the other one misses is written when it is back.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.access.api_key import API_KEYS, ApiKey, made_key
from control.access.caller import Author
from control.access.key_news import KeyNews, News, Revocation
from control.access.key_ring import GIVEN, KeyRing
from control.access.scopes import Scope
from control.catalogue.changes import KEY, Changes
from control.http.problems import Problem
from control.locks import Locks
from records.account import top_level, within
from records.tables import in_force
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable
from runtime.clock import unix_ms
from runtime.json_faults import described

MAX_KEYS = 1_000  # in force, of a top-level account and all below it
LOOK_S = 0.2
NEWS_S = 0.3  # how long Redis may take; then ClickHouse is asked
READ_EVERY_S = 30.0  # without news: another process may have been cut off from Redis
SLACK_MS = 60_000  # clocks of several control processes
NEWS_KEPT_MS = 3_600_000

log = logging.getLogger(__name__)


class Keys:
    def __init__(self, clickhouse: ClickHouse, redis: Redis, locks: Locks, changes: Changes, ring: KeyRing) -> None:
        self._clickhouse, self._news, self._locks, self._ring = clickhouse, KeyNews(redis), locks, ring
        self._changes = changes
        self._heard = ""  # version of the news
        self._untold = False  # Redis did not take the last news
        self._wanted = asyncio.Event()  # somebody may have changed the table
        self._reading, self._recording = asyncio.Lock(), asyncio.Lock()
        self._trouble = ""

    async def create(self, account: str, name: str, scopes: tuple[Scope, ...], by: Author) -> tuple[ApiKey, str]:
        """A new key, and what its holder needs: it is kept nowhere. Raises Problem."""
        tree = top_level(account)
        async with self._locks.hold(f"keys:{tree}", wait_s=10.0):
            await self._read()
            if len(self._ring.within(tree)) >= MAX_KEYS:
                detail = f"account {tree} and those below it have {MAX_KEYS} keys, the most there can be; revoke some"
                raise Problem("conflict", detail)
            row, key = made_key(account, name, scopes, unix_ms())
            row = await self._changes.write(KEY, row, None, by)
        self._ring.learn(row)
        await self._tell()
        return row, key

    async def revoke(self, account: str, key_id: str, by: Author) -> list[str]:
        """Void from now on; gives warnings. Raises Problem where this process alone knows of it yet."""
        key = await self._known(account, key_id)
        self._ring.revoke(key_id, unix_ms(), by)
        is_told, is_recorded = await asyncio.gather(self._tell(), self._record())
        if is_recorded:
            return []
        if is_told:
            return [f"key {key.key_id} is void; ClickHouse does not answer, and records it when it does"]
        detail = (
            "the key is void on the control process that answered; neither ClickHouse nor Redis can be reached, the "
            "others follow when one of them is back"
        )
        raise Problem("not-in-force", detail, retry_after_s=5)

    async def within(self, account: str) -> list[ApiKey]:
        """The keys in force of an account and of those below it, oldest first."""
        with contextlib.suppress(ClickHouseUnreachable):  # then without those made elsewhere this second
            await self._read()
        return self._ring.within(account)

    async def start(self) -> None:
        """Read the table, if ClickHouse answers."""
        with contextlib.suppress(ClickHouseUnreachable, ClickHouseRefused):
            await self._read()

    async def run(self) -> None:
        """Until cancelled; outages are waited out."""
        async with asyncio.TaskGroup() as running:
            running.create_task(_again_and_again(self._listen))
            running.create_task(_again_and_again(self._follow))

    async def _listen(self) -> None:
        """Hear of changes; while Redis does not answer there may be one at any time."""
        try:
            async with asyncio.timeout(NEWS_S):
                news = await self._news.read()
        except (RedisError, OSError, TimeoutError):
            self._wanted.set()
            return
        for key_id, one in news.revoked.items():
            self._ring.revoke(key_id, one.revoked_at_ms, one.by)
        if news.version != self._heard or self._untold or self._ring.unrecorded:
            self._heard = news.version
            self._wanted.set()
        await self._forget_old(news)

    async def _follow(self) -> None:
        """Read the table when it may have changed, and write what a store has missed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wanted.wait(), READ_EVERY_S)
        self._wanted.clear()
        if self._untold:
            await self._tell()
        try:
            await self._record()
            await self._read()
            self._trouble = ""
        except (ClickHouseUnreachable, ClickHouseRefused) as error:
            self._wanted.set()
            self._report(str(error))

    async def _known(self, account: str, key_id: str) -> ApiKey:
        """The key in force under this id, of the account or below it; raises Problem."""
        if key_id.startswith(GIVEN):
            detail = f"key {described(key_id)} is given by the environment; take it out of TAPTRAIL_API_KEYS"
            raise Problem("conflict", detail, field="key_id")
        if self._ring.find(key_id) is None:
            await self.start()  # it may have been made elsewhere this second
        key = self._ring.find(key_id)
        if key is None or not within(key.account, account):
            raise Problem("not-found", f"account {account} has no key {described(key_id)}", field="key_id")
        return key

    async def _read(self) -> None:
        """What changed in the table since the last time. Raises what ClickHouse raises."""
        async with self._reading:
            since = max(self._ring.newest_version - SLACK_MS, 0)
            condition = "version >= {since:UInt64}" + ("" if self._ring.is_complete else " AND revoked_at_ms = 0")
            for row in await self._clickhouse.rows(in_force(API_KEYS, condition), ApiKey, since=since):
                self._ring.learn(row)
            self._ring.is_complete = True

    async def _record(self) -> bool:
        """Write revoked keys that the table does not have yet; False where ClickHouse does not answer."""
        async with self._recording:
            for one in self._ring.unrecorded:
                try:
                    await self._changes.write(KEY, one.row, one.key, one.by, "revoked")
                except ClickHouseUnreachable:
                    return False
                self._ring.recorded(one.key.key_id)
        return True

    async def _tell(self) -> bool:
        """False where Redis does not answer; it is told later then."""
        revoked = {one.key.key_id: Revocation(one.row.revoked_at_ms, one.by) for one in self._ring.unrecorded}
        try:
            await self._news.tell(revoked)
        except (RedisError, OSError):
            self._untold = True
            return False
        self._untold = False
        return True

    async def _forget_old(self, news: News) -> None:
        unrecorded = {one.key.key_id for one in self._ring.unrecorded}
        until = unix_ms() - NEWS_KEPT_MS
        old = [key_id for key_id, one in news.revoked.items() if one.revoked_at_ms < until]
        if gone := [key_id for key_id in old if key_id not in unrecorded]:
            with contextlib.suppress(RedisError, OSError):
                await self._news.forget(gone)

    def _report(self, trouble: str) -> None:
        if not self._trouble:
            log.warning("keys_maybe_stale: ClickHouse does not say which keys are new", extra={"trouble": trouble})
        self._trouble = trouble


async def _again_and_again(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        await step()
        await asyncio.sleep(LOOK_S)
