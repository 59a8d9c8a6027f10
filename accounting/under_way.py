"""Which lanes are under way, by what edges and aggregators say of them in Redis."""

from collections.abc import Mapping

import msgspec
from redis.asyncio import Redis

from records.keys import LANES, WATERMARKS
from records.lane_registry import LaneReport, reports_in, watermarks_in


class UnderWay(msgspec.Struct, frozen=True):
    states: Mapping[int, LaneReport]  # by the last report of their edge; one that cannot be read is left out
    watermarks: Mapping[int, int]

    @property
    def due(self) -> dict[int, int]:
        """Lane -> seq up to which every click has to be in a table."""
        return dict.fromkeys(self.states, 0) | dict(self.watermarks)


async def read_under_way(redis: Redis) -> UnderWay:
    """States first: a lane that is over by the time of the second answer is due up to 0. Raises RedisError, OSError."""
    states = reports_in(await redis.hgetall(LANES))
    return UnderWay(states, watermarks_in(await redis.hgetall(WATERMARKS)))
