"""What aggregator and control do of erasures, in a process that can be killed: CLICKHOUSE_URL REDIS_URL.

Nobody here has clicks in hand or a link in memory, so little time has to pass between the steps.
"""

import asyncio
import sys

from redis.asyncio import Redis

from aggregator.erasures import Erasures
from control.cache.forget import Forget
from runtime.clickhouse import ClickHouse

SETTLE_MS, LOOK_S = 1500, 0.2


async def main(clickhouse_url: str, redis_url: str) -> None:
    async with ClickHouse(clickhouse_url, timeout_s=120) as clickhouse, Redis.from_url(redis_url) as redis:
        await asyncio.gather(
            Erasures(clickhouse, redis, SETTLE_MS).run(LOOK_S), Forget(clickhouse, redis, SETTLE_MS).run(LOOK_S)
        )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
