"""Links that a walk looks for: Redis keeps them in blocks, and large ones alone."""

from typing import Any

import msgspec

from edge.batch_loader import BatchLoader
from edge.memory import EdgeMemory
from edge.redis_connection import Command
from edge.redis_wire import RedisClient
from edge.tiered_cache import Said, TieredCache
from records.keys import BLOCK_BITS, block_key, bucket_of, field_of, large_link_key
from records.link import Link, decode_link
from records.link_block import link_in
from records.link_writes import refill_write

REFILLED_S = 7 * 86_400  # links that went back into Redis for a late tap leave it again


class LinkCache(TieredCache[int, Link]):
    def __init__(self, memory: EdgeMemory, redis: RedisClient, loader: BatchLoader[int, Link]) -> None:
        super().__init__(memory.links, redis, loader, read=_reads, decode=_said, refill=_refill)


def _reads(link_id: int) -> list[Command]:
    return [
        ("GET", block_key(link_id >> BLOCK_BITS)),
        ("GET", large_link_key(link_id)),
        ("HGET", bucket_of(link_id), field_of(link_id)),  # as earlier releases kept it
    ]


def _said(link_id: int, replies: list[Any]) -> Said[Link] | None:
    block, *alone = replies
    if type(block) is bytes and (link := link_in(block, link_id)):
        return (link,)
    for record in alone:
        if type(record) is bytes:
            try:
                return (decode_link(record),)
            except (msgspec.DecodeError, ValueError):  # ValueError: not UTF-8
                continue
    return None


def _refill(link_id: int, link: Link) -> list[Command]:
    return [tuple(refill_write(link_id, link, REFILLED_S))]
