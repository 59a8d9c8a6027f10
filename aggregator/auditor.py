"""Audits, every minute, the lanes that had clicks lately."""

import asyncio
import logging
import time

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from accounting.audit import Audit, read_audit
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

AUDIT_EVERY_S = 60.0
AUDITED_HOURS = 1.0

log = logging.getLogger(__name__)


class Auditor:
    def __init__(self, redis: Redis, clickhouse: ClickHouse) -> None:
        self._redis, self._clickhouse = redis, clickhouse
        self.last = Audit(AUDITED_HOURS, 0, 0, 0, 0, 0, [])
        self.audited_at = time.time()  # counts from the start, so that an audit that never succeeds ages too

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            await asyncio.sleep(AUDIT_EVERY_S)
            try:
                await self.audit()
            except (ClickHouseRefused, ClickHouseUnreachable, RedisError) as error:
                log.warning("audit_deferred: a store is unavailable", extra={"error": str(error)[:300]})

    async def audit(self) -> Audit:
        self.last = await read_audit(self._redis, self._clickhouse, AUDITED_HOURS)
        self.audited_at = time.time()
        for fault in self.last.faults:
            log.error("lane_gap: clicks of a lane are missing or doubled", extra=msgspec.structs.asdict(fault))
        return self.last
