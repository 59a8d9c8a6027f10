"""Shared links: keywords, posters, vanity slugs. A link without a contact, mostly with a broadcast of its own."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from hashlib import sha256

import msgspec
from msgspec import UNSET

from control.access.caller import Author
from control.cache.redis_cache import Cache
from control.catalogue.broadcasts import SHARED, Broadcasts
from control.catalogue.domains import Domains, name_of
from control.catalogue.link_page import link_state
from control.gathered import Gathered
from control.http.problems import Problem, check_text, invalid
from control.http.schemas import BroadcastPatch, LinkAnswer, LinkBody, LinkPatch, LinkState
from control.locks import Locks
from control.minting.claims import Claim, Claims, shared_link_key
from control.minting.id_allocator import IdAllocator
from control.minting.link_batches import short_url
from control.minting.link_columns import columns_of, link_rows
from control.minting.link_table import LinkRow, LinkTable
from control.minting.minter import check_same_body, unrepeatable_key
from records.account import within
from records.broadcast import Broadcast
from records.code import ALPHABET, CODE_LENGTH, CodeCipher
from records.link import Link
from records.link_writes import link_writes
from routing.destination import own_fields
from runtime.clock import unix_ms
from runtime.json_faults import described

_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class SharedLinks:
    def __init__(
        self,
        broadcasts: Broadcasts,
        domains: Domains,
        ids: IdAllocator,
        claims: Claims,
        links: LinkTable,
        cache: Cache,
        locks: Locks,
        cipher: CodeCipher,
    ) -> None:
        self._broadcasts, self._domains, self._ids, self._claims = broadcasts, domains, ids, claims
        self._links, self._cache, self._locks, self._cipher = links, cache, locks, cipher
        self._in_broadcasts = Gathered(self._claim_in_broadcasts)

    async def create(
        self, account: str, body: LinkBody, key: str, by: Author
    ) -> tuple[LinkAnswer, Broadcast, list[str]]:
        """The link, its broadcast, and warnings; raises Problem. key: "" or an idempotency key."""
        _check_form(body)
        body_hash = sha256(msgspec.json.encode(body)).hexdigest()
        own_key = shared_link_key(key or unrepeatable_key())
        async with AsyncExitStack() as held:
            if key:
                await held.enter_async_context(self._locks.hold(f"link:{account}:{own_key}", wait_s=0.0))
            claim = await self._claims.of_shared_link(account, own_key) if key else None
            check_same_body(claim, body_hash)
            if body.broadcast_id is not None:
                broadcast = await self._broadcast_named(account, body)
                warnings: list[str] = []
            else:
                broadcast, warnings = await self._broadcast_to_be(account, body)
            if body.slug:
                slug = f"slug:{broadcast.short_domain}:{body.slug.lower()}"
                await held.enter_async_context(self._locks.hold(slug, wait_s=10.0))
            link, broadcast = await self._mint(broadcast, body, claim, own_key, body_hash, by)
            return link, broadcast, warnings

    async def change(
        self, domain: str, code: str, root: str, patch: LinkPatch, by: Author, version: int | None = None
    ) -> tuple[LinkState, list[str]]:
        """Change what a shared link with a destination of its own is; gives the link, and warnings. Raises Problem.

        version: of the link that the change was made for; None for whatever is there.
        """
        link = await self._own(domain, code, root)
        said = {name: value for name, value in msgspec.structs.asdict(patch).items() if value is not UNSET}
        said.pop("account")
        if "destination" in said:
            said["destinations"] = [said.pop("destination")]
        changes = msgspec.convert(said, BroadcastPatch)
        _, warnings = await self._broadcasts.patch(link.account, link.broadcast_id, changes, by, version)
        return await self.look_up(domain, code, root), warnings

    async def delete(self, domain: str, code: str, root: str, by: Author, version: int | None = None) -> None:
        """From now on the link answers 410, and its slug stays taken: messages and posters have it. Raises Problem."""
        link = await self._own(domain, code, root)
        stopped = msgspec.convert({"stopped": True, "fallback": None}, BroadcastPatch)
        await self._broadcasts.patch(link.account, link.broadcast_id, stopped, by, version)

    async def _own(self, domain: str, code: str, root: str) -> LinkState:
        """A shared link that has a broadcast to itself; raises Problem."""
        link = await self.look_up(domain, code, root)
        if link.contact_id:
            detail = f"link {described(code)} is a contact's own; change or stop its broadcast {link.broadcast_id}"
            raise Problem("conflict", detail, field="code")
        if not link.broadcast_id.startswith(SHARED):
            detail = f"link {described(code)} leads to a destination of broadcast {link.broadcast_id}; change that"
            raise Problem("conflict", detail, field="code")
        return link

    async def look_up(self, domain_name: str, code: str, root: str) -> LinkState:
        """What a link is and where it goes now; raises Problem."""
        domain = await self._domains.get(name_of(domain_name))
        link_id = self._cipher.open(code)
        row = None
        if domain is not None:
            row = await (
                self._links.like_slug(domain.short_domain, code) if link_id is None else self._links.by_id(link_id)
            )
        broadcast = await self._broadcasts.numbered(row.broadcast_no) if row is not None else None
        if row is None or broadcast is None or domain is None or not _is_here(row, domain.short_domain, root):
            raise Problem("not-found", f"there is no link {described(code)} on {described(domain_name)} here")
        return link_state(row, domain, broadcast, unix_ms())

    async def _mint(
        self, broadcast: Broadcast, body: LinkBody, claim: Claim | None, key: str, body_hash: str, by: Author
    ) -> tuple[LinkAnswer, Broadcast]:
        await self._check_free(broadcast.short_domain, body.slug, claim)
        repeated = claim is not None
        if claim is None:
            claim = await self._claimed(broadcast, body, key, body_hash)
        if not broadcast.broadcast_id:
            broadcast = await self._own_broadcast(broadcast, claim, by, repeated=repeated)
        await self._write(broadcast, body, claim, repeated=repeated)
        code = body.slug or self._cipher.seal(claim.first_link_id)
        url = short_url(broadcast.short_domain, code)
        return LinkAnswer(claim.first_link_id, code, url, broadcast.broadcast_id), broadcast

    async def _claimed(self, known: Broadcast, body: LinkBody, key: str, body_hash: str) -> Claim:
        """An id for the link, in a broadcast that is not changed before it is claimed."""
        wanted = Claim(
            known.account, known.broadcast_no, key, body_hash, 0, 1, unix_ms(),
            known.short_domain, (body.destination_index or 0) + 1,
        )  # fmt: skip
        if not known.broadcast_id:
            number = await self._ids.next_broadcast_no()
            return await self._claims.claim(msgspec.structs.replace(wanted, broadcast_no=number))
        claimed = await self._in_broadcasts((known, wanted))
        if isinstance(claimed, Problem):
            raise claimed
        return claimed

    async def _claim_in_broadcasts(self, all_wanted: Sequence[tuple[Broadcast, Claim]]) -> list[Claim | Problem]:
        by_broadcast: dict[int, list[int]] = {}
        for place, (known, _) in enumerate(all_wanted):
            by_broadcast.setdefault(known.broadcast_no, []).append(place)
        claimed: dict[int, Claim | Problem] = {}

        async def claim(places: list[int]) -> None:
            outcomes = await self._claim_in_one(all_wanted[places[0]][0], [all_wanted[place][1] for place in places])
            claimed.update(zip(places, outcomes, strict=True))

        await asyncio.gather(*map(claim, by_broadcast.values()))
        return [claimed[place] for place in range(len(all_wanted))]

    async def _claim_in_one(self, known: Broadcast, wanted: list[Claim]) -> list[Claim | Problem]:
        """The broadcast is held once for all of them."""
        try:
            async with self._broadcasts.as_it_is_now(known) as broadcast:
                return await asyncio.gather(*(self._claim_in(broadcast, each) for each in wanted))
        except Problem as problem:
            return [problem] * len(wanted)

    async def _claim_in(self, broadcast: Broadcast, wanted: Claim) -> Claim | Problem:
        if not wanted.fits(broadcast.short_domain, len(broadcast.destinations)):
            detail = f"broadcast {broadcast.broadcast_id} was changed at the same moment; send the request again"
            return Problem("in-progress", detail, retry_after_s=1)
        try:
            return await self._claims.claim(wanted, broadcast.version)
        except Problem as problem:
            return problem

    async def _write(self, broadcast: Broadcast, body: LinkBody, claim: Claim, *, repeated: bool) -> None:
        first = claim.first_link_id
        link = Link(broadcast.broadcast_no, body.destination_index or 0, 0, "", body.slug or "")
        code = body.slug or self._cipher.seal(first)
        keyword = body.keyword if body.keyword is not None else broadcast.keyword
        shown = msgspec.structs.replace(broadcast, keyword=keyword)
        rows = link_rows(shown, columns_of(first, link, code), claim.minted_at_ms)
        await self._links.insert(rows, first, maybe_there=repeated)
        writes = link_writes([first], [link], self._cache.links_kept_s)
        if body.slug:
            await self._cache.put_slug(broadcast.short_domain, body.slug, first)
        await self._cache.put_link(writes)

    async def _check_free(self, short_domain: str, slug: str | None, claim: Claim | None) -> None:
        taken = await self._links.taken_slug(short_domain, slug) if slug else None
        if taken is not None and (claim is None or claim.first_link_id != taken.link_id):
            why = "is taken" if taken.slug == slug else f"differs from {taken.slug} in case alone, which is taken"
            raise Problem("conflict", f"the slug {slug} {why} on {short_domain}; choose another", field="slug")

    async def _broadcast_named(self, account: str, body: LinkBody) -> Broadcast:
        broadcast = await self._broadcasts.get(account, body.broadcast_id or "")
        if body.short_domain is not None and name_of(body.short_domain, field="short_domain") != broadcast.short_domain:
            detail = f"broadcast {body.broadcast_id} is on {broadcast.short_domain}; leave short_domain out"
            raise invalid("short_domain", detail)
        if (body.destination_index or 0) >= len(broadcast.destinations):
            known = f"the broadcast has {len(broadcast.destinations)}, numbered from 0"
            raise invalid("destination_index", f"there is no destination {body.destination_index}; {known}")
        destination = broadcast.destinations[body.destination_index or 0]
        if fields := own_fields([destination]):
            detail = f"that destination holds {{{min(fields)}}}, a field of a contact, and a shared link has no contact"
            raise invalid("destination_index", f"{detail}; choose another one, or give the link its own destination")
        return broadcast

    async def _broadcast_to_be(self, account: str, body: LinkBody) -> tuple[Broadcast, list[str]]:
        """The broadcast that a link with a destination of its own will bring, still without number and id; warnings."""
        # At the same time: both ask for domains, which is one statement then. The first refusal is the domain's.
        usable = self._domains.usable(body.short_domain or "", account)
        checked = self._domains.check_destinations(account, {"destination": body.destination}, {})
        domain, warnings = await asyncio.gather(usable, checked, return_exceptions=True)
        if isinstance(domain, BaseException):
            raise domain
        if isinstance(warnings, BaseException):
            raise warnings
        broadcast = Broadcast(
            0, account, "", domain.short_domain, (body.destination or "",),
            source="link" if body.source is None else body.source, keyword=body.keyword or "",
        )  # fmt: skip
        return broadcast, warnings

    async def _own_broadcast(self, wanted: Broadcast, claim: Claim, by: Author, *, repeated: bool) -> Broadcast:
        broadcast_id = f"{SHARED}{claim.first_link_id}"
        found = await self._broadcasts.find(wanted.account, broadcast_id) if repeated else None
        if found is not None:
            return found
        return await self._broadcasts.create(
            msgspec.structs.replace(wanted, broadcast_id=broadcast_id), by, claim.broadcast_no
        )


def _check_form(body: LinkBody) -> None:
    """Raises Problem for what needs no look-up."""
    if (body.destination is None) == (body.broadcast_id is None):
        raise invalid("destination", "expected either destination or broadcast_id, and not both")
    if body.destination is not None and body.short_domain is None:
        raise invalid("short_domain", "field short_domain is required with destination")
    if body.destination is not None and body.destination_index is not None:
        raise invalid("destination_index", "destination_index belongs to broadcast_id; leave it out with destination")
    if body.broadcast_id is not None and body.source is not None:
        raise invalid("source", "the source is the broadcast's; leave it out with broadcast_id")
    check_text("source", body.source or "")
    check_text("keyword", body.keyword or "")
    if body.slug is not None:
        _check_slug(body.slug)
    destination = body.destination or ""
    of_contact = ["contact_id"] if "{contact_id}" in destination else sorted(own_fields([destination]))
    if of_contact:
        named = f"{{{of_contact[0]}}}"
        detail = f"destination holds {named}, and a shared link has no contact to fill in; take the placeholder out"
        raise invalid("destination", detail)


def _check_slug(slug: str) -> None:
    if not _SLUG.fullmatch(slug):
        raise invalid("slug", f"slug is {described(slug)}; expected 1 to 64 characters of [A-Za-z0-9_-]")
    if len(slug) == CODE_LENGTH and all(character in ALPHABET for character in slug):
        detail = f"slug {slug} has the form of a code ({CODE_LENGTH} letters and digits); make it longer or shorter"
        raise invalid("slug", detail)


def _is_here(row: LinkRow, short_domain: str, root: str) -> bool:
    return row.short_domain == short_domain and within(row.account, root)
