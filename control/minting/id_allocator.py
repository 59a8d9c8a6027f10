"""Dense numbers: link ids and broadcast numbers, never given twice, even when Redis loses everything."""

import logging

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control.http.problems import Problem
from control.metrics import CLAIMS_GIVEN_UP
from records.keys import ALLOCATED, BROADCASTS
from runtime.clickhouse import ClickHouse
from runtime.retry_insert import until_confirmed

log = logging.getLogger(__name__)

# Raise the counter to what ClickHouse knows, then take: one step, so that no other process comes between.
_TAKE = """
local given = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.0f', given + tonumber(ARGV[2])))
return string.format('%.0f', given)
"""
_LINKS_GIVEN = (
    "SELECT greatest((SELECT if(count() = 0, 0, max(link_id) + 1) FROM links),"
    " (SELECT max(first_link_id + links) FROM mints))"
)
_BROADCASTS_GIVEN = "SELECT if(count() = 0, 0, max(broadcast_no) + 1) FROM broadcasts"
_SAME_CLAIM = "broadcast_no = {broadcast_no:UInt64} AND idempotency_key = {key:String}"
_OVERLAP = "first_link_id < {last:UInt64} AND first_link_id + links > {first:UInt64}"


class Claim(msgspec.Struct, frozen=True):
    """The link ids of one minting request: row of table mints."""

    account: str
    broadcast_no: int
    idempotency_key: str
    body_hash: str
    first_link_id: int
    links: int
    minted_at_ms: int


_COLUMNS = (
    "account, broadcast_no, idempotency_key, body_hash, first_link_id, links,"
    " toUnixTimestamp64Milli(minted_at) AS minted_at_ms"
)


class IdAllocator:
    def __init__(self, redis: Redis, clickhouse: ClickHouse) -> None:
        self._redis, self._clickhouse = redis, clickhouse

    async def next_broadcast_no(self) -> int:
        return await self._take(BROADCASTS, int(await self._clickhouse.value(_BROADCASTS_GIVEN)), 1)

    async def raise_counters(self) -> None:
        """Make Redis know again what was given out. Raises RedisError, OSError or what ClickHouse raises."""
        await self._take(ALLOCATED, int(await self._clickhouse.value(_LINKS_GIVEN)), 0)
        await self._take(BROADCASTS, int(await self._clickhouse.value(_BROADCASTS_GIVEN)), 0)

    async def find(self, condition: str, **params: str | int) -> Claim | None:
        sql = f"SELECT {_COLUMNS} FROM mints WHERE {condition} ORDER BY first_link_id LIMIT 1"  # noqa: S608
        found = await self._clickhouse.rows(sql, Claim, **params)
        return found[0] if found else None

    async def links_before(self, broadcast_no: int, before: int) -> int:
        """How many link ids below `before` were claimed for a broadcast."""
        sql = "SELECT sum(links) FROM mints WHERE broadcast_no = {no:UInt64} AND first_link_id < {before:UInt64}"
        return int(await self._clickhouse.value(sql, no=broadcast_no, before=before) or 0)

    async def claim(self, wanted: Claim) -> Claim:
        """Claim `wanted.links` link ids that nobody else has; gives the claim with its first id. Raises Problem."""
        while True:
            floor = int(await self._clickhouse.value(_LINKS_GIVEN))
            first = await self._take(ALLOCATED, floor, wanted.links)
            claim = msgspec.structs.replace(wanted, first_link_id=first)
            await self._insert(claim)
            if await self._is_alone(claim):
                return claim
            # Redis was wiped between two allocations. Whoever sees the other gives up, both at worst.
            await self._give_up(claim)

    async def _take(self, key: str, floor: int, count: int) -> int:
        try:
            return int(await self._redis.eval(_TAKE, 1, key, floor, count))
        except (RedisError, OSError) as error:
            log.warning("no ids without Redis", extra={"error": str(error)})
            detail = "Redis cannot be reached, and new links need numbers from it; nothing was done, try again"
            raise Problem("unavailable", detail, retry_after_s=5) from None

    async def _insert(self, claim: Claim) -> None:
        row = msgspec.structs.asdict(claim)
        row["minted_at"] = f"{row.pop('minted_at_ms') / 1000:.3f}"

        async def attempt(number: int) -> None:
            if number and await self.find(
                f"{_SAME_CLAIM} AND first_link_id = {{first:UInt64}}",
                broadcast_no=claim.broadcast_no, key=claim.idempotency_key, first=claim.first_link_id,
            ):  # fmt: skip
                return
            await self._clickhouse.insert_rows("mints", [row])

        await until_confirmed(attempt)

    async def _is_alone(self, claim: Claim) -> bool:
        sql = f"SELECT count() FROM mints WHERE ({_OVERLAP}) OR ({_SAME_CLAIM})"  # noqa: S608
        found = await self._clickhouse.value(
            sql, first=claim.first_link_id, last=claim.first_link_id + claim.links,
            broadcast_no=claim.broadcast_no, key=claim.idempotency_key,
        )  # fmt: skip
        return int(found) == 1

    async def _give_up(self, claim: Claim) -> None:
        CLAIMS_GIVEN_UP.inc()
        log.warning("a claim of link ids is given up", extra={"first": claim.first_link_id, "links": claim.links})
        await self._clickhouse.execute(
            f"DELETE FROM mints WHERE {_SAME_CLAIM} AND first_link_id = {{first:UInt64}}",  # noqa: S608
            broadcast_no=claim.broadcast_no, key=claim.idempotency_key, first=claim.first_link_id,
        )  # fmt: skip
