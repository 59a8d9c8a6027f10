"""The ClickHouse server that INSERTs are sent to, and its clock."""

import math

from aggregator.stores import InsertServer
from runtime.clickhouse import ClickHouse
from runtime.clock import Clock

ASK_EVERY_S = 30.0  # a clock that is set right meanwhile is out of step for so long


class ClickHouseInsertServer:
    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def send(self, statement: str, body: bytes, query_id: str) -> None:
        await self._clickhouse.insert(statement, body, query_id=query_id)

    async def kill(self, query_id_prefix: str) -> None:
        pattern = query_id_prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        await self._clickhouse.execute(f"KILL QUERY WHERE query_id LIKE '{pattern}%' SYNC")

    async def now_s(self) -> float:
        return float(await self._clickhouse.value("SELECT toUnixTimestamp64Milli(now64(3))")) / 1000


class ServerTime:
    """The clock of the server, by which it judges whether an INSERT is too late."""

    def __init__(self, server: InsertServer, clock: Clock) -> None:
        self._server, self._clock = server, clock
        self._asked_at = -math.inf
        self._ahead_s = 0.0  # of Clock.monotonic, at least

    async def second_at(self, instant: float) -> int:
        """The whole second it is there at an instant of Clock.monotonic, or an earlier one, never a later."""
        if self._clock.monotonic() - self._asked_at > ASK_EVERY_S:
            await self._ask()
        return int(instant + self._ahead_s)

    async def wait_until(self, second: int) -> None:
        """Return as soon as the server says that this second has begun."""
        while (left_s := second - await self._ask()) > 0:
            await self._clock.sleep(left_s)

    async def _ask(self) -> float:
        now_s = await self._server.now_s()
        self._asked_at = self._clock.monotonic()
        self._ahead_s = now_s - self._asked_at  # too small by the latency of the answer, so no deadline is too late
        return now_s
