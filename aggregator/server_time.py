"""The clock of the ClickHouse server, by which it judges whether an INSERT is too late."""

import asyncio
import math
import time

from runtime.clickhouse import ClickHouse

ASK_EVERY_S = 30.0  # a clock that is set right meanwhile is out of step for so long


class ServerTime:
    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._asked_at = -math.inf
        self._ahead_s = 0.0  # of time.monotonic, at least

    async def second_at(self, instant: float) -> int:
        """The whole second it is there at an instant of time.monotonic, or an earlier one, never a later."""
        if time.monotonic() - self._asked_at > ASK_EVERY_S:
            await self._ask()
        return int(instant + self._ahead_s)

    async def wait_until(self, second: int) -> None:
        """Return as soon as the server says that this second has begun."""
        while (left_s := second - await self._ask()) > 0:  # noqa: ASYNC110 - no event tells of a clock far away
            await asyncio.sleep(left_s)

    async def _ask(self) -> float:
        now_s = float(await self._clickhouse.value("SELECT toUnixTimestamp64Milli(now64(3))")) / 1000
        self._asked_at = time.monotonic()
        self._ahead_s = now_s - self._asked_at  # too small by the way of the answer, so that no deadline is too late
        return now_s
