"""Mints the links of a broadcast in two steps: prepare what can be refused, then stream links that are durable."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack

import msgspec

from contacts.line import ALL, Contacts
from control.cache.redis_cache import Cache
from control.catalogue.broadcasts import Broadcasts
from control.http.advisories import over
from control.http.problems import Problem
from control.http.schemas import Counted
from control.locks import Locks
from control.minting.claims import Claim, Claims, Promised, minting_key
from control.minting.compositions import Compositions, Tally
from control.minting.link_batches import LinkBatch, MintOrder, batches_of
from control.minting.link_table import LinkTable
from control.minting.theirs import NONE, Theirs, how_many, links_of
from messages.composer import Composer
from messages.wording import composer_of, needs_of
from records.broadcast import Broadcast
from records.code import CodeCipher
from routing.destination import own_fields
from runtime.clock import unix_ms

_MINTED_MEANWHILE_S = 10.0  # as long as a change of a broadcast waits


class Prepared(msgspec.Struct, frozen=True):
    """A minting that nothing speaks against: its ids are claimed, and its key is held until the stream ends."""

    order: MintOrder
    repeated: bool  # an earlier request with the same key may have minted some of the links
    advisories: list[str]
    held: AsyncExitStack


class Minter:
    def __init__(
        self,
        broadcasts: Broadcasts,
        claims: Claims,
        links: LinkTable,
        compositions: Compositions,
        cache: Cache,
        locks: Locks,
        cipher: CodeCipher,
    ) -> None:
        self._broadcasts, self._claims, self._links, self._compositions = broadcasts, claims, links, compositions
        self._cache, self._locks, self._cipher = cache, locks, cipher

    async def prepare(
        self,
        broadcast: Broadcast,
        contacts: Contacts,
        key: str,
        body_hash: str,
        *,
        composes: bool = False,
        again: bool = False,
        sends: bool = True,
    ) -> Prepared:
        """Do everything that can be refused; raises Problem. What it gives must be streamed.

        broadcast: as it was when the contacts were read. key: "" is good for this request alone; otherwise the same key
        gives the same links, however often and wherever an earlier request was cut off. composes: the answer is the
        messages of the contacts. again: also contacts that have their links get new ones. sends: the first minting says
        when the broadcast was sent.
        """
        own_key = minting_key(key) if key else ""
        async with AsyncExitStack() as held:
            if key:
                await held.enter_async_context(self._locks.hold(f"mint:{broadcast.broadcast_no}:{own_key}", wait_s=0.0))
            if not again:
                await self._hold_links(held, broadcast.broadcast_no)
            earlier = await self._claims.of_minting(broadcast.broadcast_no, own_key) if key else None
            check_same_body(earlier, body_hash)
            order = await self._ordered(
                broadcast, contacts, own_key, body_hash, earlier, composes=composes, again=again, sends=sends
            )
            advisories = over(order.broadcast, unix_ms()) + _said(order)
            return Prepared(order, earlier is not None, advisories, held.pop_all())

    async def count(self, broadcast: Broadcast, contacts: Contacts, *, again: bool = False) -> Counted:
        """What `prepare` and `stream` would do."""
        destinations = _destinations(contacts, broadcast, None)
        wanted = contacts.links(destinations)
        promised = await self._claims.promised(broadcast.broadcast_no)
        if again or not promised.links or not wanted:
            return Counted(wanted, 0)
        theirs = await links_of(self._links, broadcast.broadcast_no, contacts, destinations, 0, NONE)
        existing = how_many(contacts, theirs)
        return Counted(wanted - existing, existing)

    async def stream(self, prepared: Prepared) -> AsyncGenerator[bytes, None]:
        """NDJSON of links that are durable, in the order of the lines; raises Problem when a store stays away."""
        order, composed = prepared.order, Tally.of(())
        async with prepared.held:
            async for batch in _built_ahead(batches_of(order, self._cipher)):
                if batch.rows is not None:
                    await self._links.insert(batch.rows, batch.first_link_id, maybe_there=prepared.repeated)
                    await self._cache.put_links(batch.writes, batch.rows.num_rows)
                if batch.tally is not None:
                    composed.add(batch.tally)
                yield batch.answer
            if composed.by_segments:
                await self._compositions.record(order.broadcast, order.request, composed)

    async def _hold_links(self, held: AsyncExitStack, broadcast_no: int) -> None:
        """Nobody else mints for this broadcast from the look at the links that are there until the new ones are."""
        try:
            async with asyncio.timeout(_MINTED_MEANWHILE_S + 5.0):
                await held.enter_async_context(self._locks.hold(f"minting:{broadcast_no}", wait_s=_MINTED_MEANWHILE_S))
        except TimeoutError:
            detail = "another request mints links of this broadcast; send this one again when it has ended"
            raise Problem("in-progress", detail, retry_after_s=5) from None

    async def _ordered(
        self,
        known: Broadcast,
        contacts: Contacts,
        key: str,
        body_hash: str,
        claim: Claim | None,
        *,
        composes: bool,
        again: bool,
        sends: bool,
    ) -> MintOrder:
        if not len(contacts):
            return MintOrder(contacts, known, 0, 0, 0)
        found = await self._found(known, contacts, claim, again=again)
        async with self._broadcasts.as_it_is_now(known) as now:
            check_fields(contacts, _named_fields(now, composes))
            if _destinations(contacts, now, claim) != found.destinations:
                detail = "the destinations of the broadcast were changed at the same moment; send the request again"
                raise Problem("in-progress", detail, retry_after_s=1)
            composer = await self._composer(now, found.destinations) if composes else None
            now_ms = unix_ms()
            broadcast = await self._broadcasts.ready_to_mint(now, contacts.audiences, now_ms if sends else 0)
            if claim is None:
                claim_key = key or minting_key(unrepeatable_key())
                wanted = Claim(
                    broadcast.account, broadcast.broadcast_no, claim_key, body_hash, 0, found.new, now_ms,
                    broadcast.short_domain, found.destinations,
                )  # fmt: skip
                others = None if again else found.claims
                asked_once = not found.new and not key  # such a claim would say nothing
                claim = wanted if asked_once else await self._claims.claim(wanted, broadcast.version, others)
        return MintOrder(
            contacts,
            broadcast,
            found.destinations,
            claim.first_link_id,
            claim.minted_at_ms,
            composer,
            found.theirs,
            found.later,
            self._cache.links_kept_s,
        )

    async def _composer(self, broadcast: Broadcast, destinations: int) -> Composer:
        """Raises Problem where the broadcast was changed, so that its text has no or other links."""
        if not broadcast.text:
            raise Problem("conflict", f"broadcast {broadcast.broadcast_id} has no text any more", field="text")
        composer = composer_of(broadcast, asks_opt_out=await self._broadcasts.asks_opt_out(broadcast))
        if composer.destinations > destinations:
            detail = "the text got another link since links were minted under this Idempotency-Key; take a new key"
            raise Problem("conflict", detail, field="Idempotency-Key")
        return composer

    async def _found(self, broadcast: Broadcast, contacts: Contacts, claim: Claim | None, *, again: bool) -> "_Found":
        """What there is of the links that the lines ask for. Raises Problem where a claim was for other lines."""
        no, destinations = broadcast.broadcast_no, _destinations(contacts, broadcast, claim)
        wanted = contacts.links(destinations)
        promised = await self._claims.promised(no, claim)
        _check_none_erased(promised)
        first = NONE if claim is None else claim.first_link_id
        theirs = later = None
        # A claim for all of them was for an empty broadcast, or minted again.
        if not again and promised.links and (claim is None or claim.links != wanted):
            theirs = await links_of(self._links, no, contacts, destinations, 0, first)
        if not again and claim is not None:
            later = await links_of(self._links, no, contacts, destinations, first, NONE)
        new = wanted - (how_many(contacts, theirs) if theirs else 0)
        if claim is not None and claim.links != new:
            detail = "the lines that are right are others than under this Idempotency-Key before; take a new key"
            raise Problem("conflict", detail, field="Idempotency-Key")
        return _Found(destinations, new, promised.claims, theirs if new < wanted else None, later)


class _Found(msgspec.Struct, frozen=True):
    destinations: int
    new: int
    claims: int  # of the broadcast, before this one
    theirs: Theirs | None
    later: Theirs | None


def _said(order: MintOrder) -> list[str]:
    """How many of the links are there already."""
    if order.theirs is None:
        return []
    there = how_many(order.contacts, order.theirs)
    links = "link was" if there == 1 else "links were"
    return [f"{there} {links} there already and stayed the same; again=true gives these contacts new ones"]


def check_same_body(claim: Claim | None, body_hash: str) -> None:
    """Raises Problem when an idempotency key was used for something else."""
    if claim is not None and claim.body_hash != body_hash:
        detail = "this Idempotency-Key was used with another body; take a new key for a new body"
        raise Problem("conflict", detail, field="Idempotency-Key")


def _check_none_erased(promised: Promised) -> None:
    """Raises Problem where a claim has given a link to a contact that is erased: whose it was is not known."""
    if promised.erased:
        detail = (
            "a contact of this list was erased since it was minted under this Idempotency-Key: send the list"
            " without it, under a new key; the others keep their links"
        )
        raise Problem("conflict", detail, field="Idempotency-Key")


def _named_fields(broadcast: Broadcast, composes: bool) -> frozenset[str]:
    if composes and broadcast.text:
        return needs_of(broadcast.text, broadcast.destinations).wanted
    return own_fields(broadcast.destinations)


def check_fields(contacts: Contacts, named: Collection[str]) -> None:
    """Raises Problem where fields are named of late that the lines were not read for."""
    if not set(named).issubset(contacts.fields.names):
        detail = "the broadcast was changed at the same moment; nothing was minted, send the request again"
        raise Problem("in-progress", detail, retry_after_s=1)


def unrepeatable_key() -> str:
    return f"~{secrets.token_hex(16)}"


def _destinations(contacts: Contacts, broadcast: Broadcast, claim: Claim | None) -> int:
    """How many destinations the links need: all there are or were when they were claimed, where a line names none."""
    if claim is None:
        needed = _named(contacts) or len(broadcast.destinations)
    else:
        needed = claim.destinations or _destinations_of_old(contacts, claim)
    if needed > len(broadcast.destinations):
        detail = f"the lines need {needed} destinations, and the broadcast has {len(broadcast.destinations)} now"
        raise Problem("conflict", detail, field="destination_index")
    return needed


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
