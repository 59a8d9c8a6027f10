"""Links as Redis has them."""

from itertools import pairwise
from struct import unpack_from

from records.keys import BLOCK_BITS, BLOCK_SIZE, PLACE_MASK, block_key, bucket_of, field_of, large_link_key
from records.link import Link, decode_link, encode_link
from records.link_block import link_in, make_block
from records.link_writes import link_writes, removals


async def put_link(redis, link_id: int, link: Link) -> None:
    """As control does, and in place of another."""
    await remove_link(redis, link_id)
    for write in link_writes([link_id], [link], 86_400):
        await redis.execute_command(*write)


async def remove_link(redis, link_id: int) -> None:
    """Edges that hold it do not hear of this."""
    for removal in removals(link_id):
        await redis.execute_command(*removal)


async def put_record(redis, link_id: int, record: bytes) -> None:
    """Any bytes, alone in their block."""
    await redis.set(block_key(link_id >> BLOCK_BITS), make_block({link_id & PLACE_MASK: record}))


async def put_as_before(redis, link_id: int, link: Link) -> None:
    """As earlier releases did."""
    await redis.hset(bucket_of(link_id), str(field_of(link_id)), encode_link(link))


async def link_in_redis(redis, link_id: int) -> Link | None:
    block = await redis.get(block_key(link_id >> BLOCK_BITS))
    alone = await redis.get(large_link_key(link_id))
    if alone is not None:
        return decode_link(alone)
    return None if block is None else link_in(block, link_id)


async def record_in_redis(redis, link_id: int) -> bytes | None:
    block = await redis.get(block_key(link_id >> BLOCK_BITS))
    return None if block is None else records_in(block).get(link_id & PLACE_MASK)


def records_in(block: bytes) -> dict[int, bytes]:
    """All records by place, read as the table in records/link_block.py says."""
    shared, *starts = unpack_from(f"<{BLOCK_SIZE + 2}H", block)
    head = 2 * (BLOCK_SIZE + 2)
    rests = (block[start:end] for start, end in pairwise(starts))
    return {place: block[head : head + shared] + rest for place, rest in enumerate(rests) if rest}
