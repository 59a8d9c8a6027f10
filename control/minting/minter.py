"""Mints the links of a broadcast: claim ids, then batch after batch ClickHouse, Redis, answer."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pyarrow.compute as pc

from contacts.line import ALL, Contacts
from control.cache.redis_cache import Cache
from control.catalogue.broadcasts import Broadcasts
from control.http.problems import Problem
from control.locks import Locks
from control.minting.id_allocator import Claim, IdAllocator
from control.minting.link_batches import LinkBatch, MintOrder, batches_of
from control.minting.link_table import LinkTable
from records.broadcast import Broadcast
from records.code import DOMAIN, CodeCipher

MOST_COMPARED = 5_000_000  # links: their contact ids are held in memory for a moment
_SAME_KEY = "broadcast_no = {no:UInt64} AND idempotency_key = {key:String}"


class Minter:
    def __init__(
        self, broadcasts: Broadcasts, ids: IdAllocator, links: LinkTable, cache: Cache, locks: Locks, cipher: CodeCipher
    ) -> None:
        self._broadcasts, self._ids, self._links = broadcasts, ids, links
        self._cache, self._locks, self._cipher = cache, locks, cipher

    async def mint(self, broadcast: Broadcast, contacts: Contacts, key: str, body_hash: str) -> AsyncIterator[bytes]:
        """NDJSON of links that are durable, in the order of the lines; raises Problem.

        key: "" mints anew each time; otherwise the same key gives the same links, however often and wherever an
        earlier request was cut off.
        """
        key = key or unrepeatable_key()
        async with self._locks.hold(f"mint:{broadcast.broadcast_no}:{key}", wait_s=0.0):
            claim = await self._claimed(broadcast, key, body_hash)
            with self._broadcasts.minting(broadcast.broadcast_no):
                order, repeated = await self._order(broadcast, contacts, key, body_hash, claim)
                async for batch in _built_ahead(batches_of(order, self._cipher)):
                    if batch.links:
                        await self._links.insert(batch.rows, batch.first_link_id, maybe_there=repeated)
                        await self._cache.put_links(batch.commands, batch.links)
                    yield batch.answer

    async def warnings(self, broadcast: Broadcast, contacts: Contacts, key: str) -> list[str]:
        """Says of how many contacts that they had a link in this broadcast already, from another request."""
        claim = await self._ids.find(_SAME_KEY, no=broadcast.broadcast_no, key=key) if key else None
        before = claim.first_link_id if claim else DOMAIN
        earlier = await self._ids.links_before(broadcast.broadcast_no, before)
        if not earlier or not len(contacts):
            return []
        if earlier > MOST_COMPARED:
            return [f"broadcast {broadcast.broadcast_id} has {earlier} links already, too many to say whose"]
        there = await self._links.contacts_with_links(broadcast.broadcast_no, before)
        again = await asyncio.to_thread(_count_in, there, contacts.contact_ids)
        if not again:
            return []
        had = f"{again} of these contacts had a link in broadcast {broadcast.broadcast_id} already"
        return [f"{had}, and have another one now; the same file or Idempotency-Key would have given the same"]

    async def _claimed(self, broadcast: Broadcast, key: str, body_hash: str) -> Claim | None:
        claim = await self._ids.find(_SAME_KEY, no=broadcast.broadcast_no, key=key)
        check_same_body(claim, body_hash)
        return claim

    async def _order(
        self, broadcast: Broadcast, contacts: Contacts, key: str, body_hash: str, claim: Claim | None
    ) -> tuple[MintOrder, bool]:
        now_ms = time.time_ns() // 1_000_000
        broadcast = await self._broadcasts.ready_to_mint(
            broadcast.account, broadcast.broadcast_id, contacts.audiences, now_ms
        )
        destinations = _destinations_now(contacts, broadcast) if claim is None else _destinations_then(contacts, claim)
        repeated = claim is not None
        if claim is None:
            wanted = Claim(
                broadcast.account, broadcast.broadcast_no, key, body_hash, 0, contacts.links(destinations), now_ms
            )
            claim = await self._ids.claim(wanted) if wanted.links else wanted
        return MintOrder(contacts, broadcast, destinations, claim.first_link_id, claim.minted_at_ms), repeated


def check_same_body(claim: Claim | None, body_hash: str) -> None:
    """Raises Problem when an idempotency key was used for something else."""
    if claim is not None and claim.body_hash != body_hash:
        detail = "this Idempotency-Key was used with another body; take a new key for a new body"
        raise Problem("conflict", detail, field="Idempotency-Key")


def unrepeatable_key() -> str:
    return f"~{secrets.token_hex(16)}"


def _destinations_now(contacts: Contacts, broadcast: Broadcast) -> int:
    highest = max(contacts.destination_indexes, default=ALL)
    if highest >= len(broadcast.destinations):
        detail = f"a line names destination {highest}, which was taken from the broadcast while the lines were read"
        raise Problem("conflict", detail, field="destination_index")
    return len(broadcast.destinations)


def _destinations_then(contacts: Contacts, claim: Claim) -> int:
    """How many destinations the broadcast had when the ids were claimed: it may have other ones now."""
    every = contacts.links(2) - contacts.links(1)
    destinations = (claim.links - len(contacts) + every) // every if every else 1
    if contacts.links(destinations) != claim.links:
        detail = "the lines that are right are not the same ones as under this Idempotency-Key before; take a new key"
        raise Problem("conflict", detail, field="Idempotency-Key")
    return destinations


async def _built_ahead(batches: Iterator[LinkBatch]) -> AsyncIterator[LinkBatch]:
    """The next batch is built in a thread while this one is written."""
    building = asyncio.create_task(asyncio.to_thread(next, batches, None))
    try:
        while (batch := await building) is not None:
            building = asyncio.create_task(asyncio.to_thread(next, batches, None))
            yield batch
    finally:
        if not building.done():
            await asyncio.wait([building])


def _count_in(there: Any, contact_ids: Any) -> int:
    """How many of `there`, which are all different, are among the contact ids. 0.5 s for a million of each."""
    return int(pc.sum(pc.is_in(there, contact_ids)).as_py() or 0)
