"""Counts, every minute, whether the lanes in hand are in ClickHouse without a hole and without a double."""

import asyncio
import logging
import time

import msgspec
from redis.exceptions import RedisError

from aggregator.lanes import Lanes
from records.keys import lane_name
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

AUDIT_EVERY_S = 60.0

# The per_lane projection answers this without reading rows.
_COUNTS = """
SELECT lane, sum(rows) AS rows, max(last) AS last_seq FROM
(
    SELECT lane, count() AS rows, max(seq) AS last FROM clicks WHERE lane IN ({lanes:Array(UInt64)}) GROUP BY lane
    UNION ALL
    SELECT lane, count() AS rows, max(seq) AS last FROM dead_clicks WHERE lane IN ({lanes:Array(UInt64)}) GROUP BY lane
)
GROUP BY lane
"""

log = logging.getLogger(__name__)


class LaneCount(msgspec.Struct, frozen=True):
    lane: int
    rows: int
    last_seq: int


class Auditor:
    def __init__(self, clickhouse: ClickHouse, lanes: Lanes) -> None:
        self._clickhouse, self._lanes = clickhouse, lanes
        self.gap = 0
        self.audited_at = 0.0

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            await asyncio.sleep(AUDIT_EVERY_S)
            try:
                await self.audit()
            except (ClickHouseRefused, ClickHouseUnreachable, RedisError) as error:
                log.warning("the audit waits", extra={"error": str(error)[:300]})

    async def audit(self) -> int:
        """How many clicks of the owned lanes are missing or doubled; rows are dense from 1 in every lane."""
        lanes = [lane for lane, owned in self._lanes.owned.items() if owned.recovered]
        counts = await self._clickhouse.rows(_COUNTS, LaneCount, lanes=lanes) if lanes else []
        wrong = [count for count in counts if count.rows != count.last_seq]
        for count in wrong:
            log.error(
                "a lane does not add up",
                extra={"lane": lane_name(count.lane), "rows": count.rows, "last_seq": count.last_seq},
            )
        self.gap = sum(abs(count.last_seq - count.rows) for count in wrong)
        self.audited_at = time.time()
        return self.gap
