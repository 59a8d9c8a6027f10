"""Mints the links of a broadcast in two steps: prepare what can be refused, then stream links that are durable."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pyarrow.compute as pc

from contacts.line import ALL, Contacts
from control.cache.redis_cache import Cache
from control.catalogue.broadcasts import Broadcasts
from control.http.advisories import over
from control.http.problems import Problem
from control.locks import Locks
from control.minting.claims import Claim, Claims, minting_key
from control.minting.link_batches import LinkBatch, MintOrder, batches_of
from control.minting.link_table import LinkTable
from messages.composer import Composer
from messages.wording import composer_of, needs_of
from records.broadcast import Broadcast
from records.code import CodeCipher
from routing.destination import own_fields

MOST_COMPARED = 5_000_000  # links: their contact ids are held in memory for a moment


class Prepared(msgspec.Struct, frozen=True):
    """A minting that nothing speaks against: its ids are claimed, and its key is held until the stream ends."""

    order: MintOrder
    repeated: bool  # an earlier request with the same key may have minted some of the links
    advisories: list[str]
    held: AsyncExitStack


class Minter:
    def __init__(
        self, broadcasts: Broadcasts, claims: Claims, links: LinkTable, cache: Cache, locks: Locks, cipher: CodeCipher
    ) -> None:
        self._broadcasts, self._claims, self._links = broadcasts, claims, links
        self._cache, self._locks, self._cipher = cache, locks, cipher

    async def prepare(
        self, broadcast: Broadcast, contacts: Contacts, key: str, body_hash: str, *, composes: bool = False
    ) -> Prepared:
        """Do everything that can be refused; raises Problem. What it gives must be streamed.

        broadcast: as it was when the contacts were read. key: "" mints again each time; otherwise the same key gives
        the same links, however often and wherever an earlier request was cut off. composes: the answer is the
        messages of the contacts.
        """
        own_key = minting_key(key or unrepeatable_key())
        async with AsyncExitStack() as held:
            await held.enter_async_context(self._locks.hold(f"mint:{broadcast.broadcast_no}:{own_key}", wait_s=0.0))
            earlier = await self._claims.of_minting(broadcast.broadcast_no, own_key) if key else None
            check_same_body(earlier, body_hash)
            order = await self._ordered(broadcast, contacts, own_key, body_hash, earlier, composes=composes)
            advisories = over(order.broadcast, _now_ms()) + await self._second_links(order)
            return Prepared(order, earlier is not None, advisories, held.pop_all())

    async def stream(self, prepared: Prepared) -> AsyncGenerator[bytes, None]:
        """NDJSON of links that are durable, in the order of the lines; raises Problem when a store stays away."""
        async with prepared.held:
            async for batch in _built_ahead(batches_of(prepared.order, self._cipher)):
                if batch.links:
                    await self._links.insert(batch.rows, batch.first_link_id, maybe_there=prepared.repeated)
                    await self._cache.put_links(batch.commands, batch.links)
                yield batch.answer

    async def _ordered(
        self, known: Broadcast, contacts: Contacts, key: str, body_hash: str, claim: Claim | None, *, composes: bool
    ) -> MintOrder:
        if not len(contacts):
            return MintOrder(contacts, known, 0, 0, 0)
        async with self._broadcasts.as_it_is_now(known) as now:
            check_fields(contacts, _named_fields(now, composes))
            destinations = _destinations(contacts, now, claim)
            composer = _composer(now, destinations) if composes else None
            now_ms = _now_ms()
            broadcast = await self._broadcasts.ready_to_mint(now, contacts.audiences, now_ms)
            if claim is None:
                wanted = Claim(
                    broadcast.account, broadcast.broadcast_no, key, body_hash, 0, contacts.links(destinations), now_ms,
                    broadcast.short_domain, destinations,
                )  # fmt: skip
                claim = await self._claims.claim(wanted, broadcast.version)
        return MintOrder(contacts, broadcast, destinations, claim.first_link_id, claim.minted_at_ms, composer)

    async def _second_links(self, order: MintOrder) -> list[str]:
        """Says how many of the contacts had a link in this broadcast already, from an earlier request."""
        broadcast = order.broadcast
        if not len(order.contacts):
            return []
        earlier = await self._claims.links_before(broadcast.broadcast_no, order.first_link_id)
        if not earlier:
            return []
        if earlier > MOST_COMPARED:
            return [f"broadcast {broadcast.broadcast_id} has {earlier} links already, too many to say whose"]
        there = await self._links.contacts_with_links(broadcast.broadcast_no, order.first_link_id)
        again = await asyncio.to_thread(_count_in, there, order.contacts.contact_ids)
        if not again:
            return []
        had = f"{again} of these contacts had a link in broadcast {broadcast.broadcast_id} already"
        return [f"{had}, and have another one now; the same file or Idempotency-Key would have given the same"]


def check_same_body(claim: Claim | None, body_hash: str) -> None:
    """Raises Problem when an idempotency key was used for something else."""
    if claim is not None and claim.body_hash != body_hash:
        detail = "this Idempotency-Key was used with another body; take a new key for a new body"
        raise Problem("conflict", detail, field="Idempotency-Key")


def _named_fields(broadcast: Broadcast, composes: bool) -> frozenset[str]:
    if composes and broadcast.text:
        return needs_of(broadcast.text, broadcast.destinations).wanted
    return own_fields(broadcast.destinations)


def _composer(broadcast: Broadcast, destinations: int) -> Composer:
    """Raises Problem where the broadcast was changed, so that its text has no or other links."""
    if not broadcast.text:
        raise Problem("conflict", f"broadcast {broadcast.broadcast_id} has no text any more", field="text")
    composer = composer_of(broadcast)
    if composer.destinations > destinations:
        detail = "the text got another link since links were minted under this Idempotency-Key; take a new key"
        raise Problem("conflict", detail, field="Idempotency-Key")
    return composer


def check_fields(contacts: Contacts, named: Collection[str]) -> None:
    """Raises Problem where fields are named of late that the lines were not read for."""
    if not contacts.fields.keys() >= set(named):
        detail = "the broadcast was changed at the same moment; nothing was minted, send the request again"
        raise Problem("in-progress", detail, retry_after_s=1)


def unrepeatable_key() -> str:
    return f"~{secrets.token_hex(16)}"


def _destinations(contacts: Contacts, broadcast: Broadcast, claim: Claim | None) -> int:
    """How many destinations the links need: all there are or were when they were claimed, where a line names none."""
    needed = _destinations_then(contacts, claim) if claim else _named(contacts) or len(broadcast.destinations)
    if needed > len(broadcast.destinations):
        detail = f"the lines need {needed} destinations, and the broadcast has {len(broadcast.destinations)} now"
        raise Problem("conflict", detail, field="destination_index")
    return needed


def _destinations_then(contacts: Contacts, claim: Claim) -> int:
    destinations = claim.destinations or _destinations_of_old(contacts, claim)
    if contacts.links(destinations) != claim.links:
        detail = "the lines that are right are not the same ones as under this Idempotency-Key before; take a new key"
        raise Problem("conflict", detail, field="Idempotency-Key")
    return destinations


def _named(contacts: Contacts) -> int:
    """How many destinations the lines need that name theirs; 0 where a line names none."""
    return 0 if contacts.destination_indexes.count(ALL) else max(contacts.destination_indexes) + 1


def _destinations_of_old(contacts: Contacts, claim: Claim) -> int:
    """Of a claim that is older than its column `destinations`: recovered from the number of links."""
    every = contacts.destination_indexes.count(ALL)
    return _named(contacts) or (claim.links - len(contacts) + every) // every


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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
