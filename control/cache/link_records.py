"""Changes of links that Redis and the edges already have. Mintings only add; this is the one place that takes back."""

from collections.abc import Sequence

from redis.asyncio import Redis

from records.keys import erased_key
from records.link_writes import removals

_HEARD_S = 15  # an edge hears of a key when it is written, and when it is gone
_AT_ONCE = 500


async def forget_links(redis: Redis, link_ids: Sequence[int]) -> None:
    """Redis and the connected edges read these links from ClickHouse at their next tap. Raises RedisError or OSError.

    First Redis, then the edges: one that hears of it and asks at once does not find the former record.
    """
    for start in range(0, len(link_ids), _AT_ONCE):
        pipeline = redis.pipeline(transaction=False)
        for link_id in link_ids[start : start + _AT_ONCE]:
            for removal in removals(link_id):
                pipeline.execute_command(*removal)
            pipeline.set(erased_key(link_id), 1, ex=_HEARD_S)
        await pipeline.execute()
