"""Broadcasts: written to ClickHouse first, to Redis second, one writer at a time for each."""

import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from control.access.caller import Author
from control.cache.redis_cache import Cache
from control.catalogue.changes import BROADCAST, WITHDRAWN, Changes, Entry
from control.catalogue.domains import Domains, name_of
from control.catalogue.quotas import USUAL, Quotas
from control.catalogue.rollback import fields_of
from control.gathered import Gathered
from control.http.documents import Document, applied, stated
from control.http.problems import Problem, invalid
from control.http.schemas import BroadcastPatch
from control.http.versions import check_based_on
from control.locks import Locks
from control.minting.claims import Claims
from control.minting.id_allocator import IdAllocator
from control.minting.link_table import LinkTable
from control.zones import check_zone
from messages.template import TextFault
from messages.wording import following, worded
from records.broadcast import Broadcast
from records.domain import Domain
from records.forms import time_of
from records.tables import BROADCASTS, EXISTING, in_force
from records.text import BROADCAST_ID
from routing.destination import own_fields
from runtime.clickhouse import ClickHouse
from runtime.json_faults import described

MAX_AUDIENCES = 10_000
SHARED = "shared:"  # prefix of the broadcasts that shared links bring with them
_ID = re.compile(BROADCAST_ID, re.ASCII)


class Broadcasts:
    def __init__(
        self,
        clickhouse: ClickHouse,
        cache: Cache,
        locks: Locks,
        domains: Domains,
        ids: IdAllocator,
        claims: Claims,
        links: LinkTable,
        changes: Changes,
        quotas: Quotas = USUAL,
    ) -> None:
        self._clickhouse, self._cache, self._locks, self._domains = clickhouse, cache, locks, domains
        self._ids, self._claims, self._links, self._changes = ids, claims, links, changes
        self._quotas = quotas
        self._created = Gathered(self._create_all)
        self._by_id = Gathered(self._all_by_id)

    async def get(self, account: str, broadcast_id: str) -> Broadcast:
        """Raises Problem where the account has no such broadcast."""
        found = await self.find(account, broadcast_id)
        if found is None:
            raise Problem("not-found", f"account {account} has no broadcast {described(broadcast_id)}")
        return found

    async def numbered(self, broadcast_no: int) -> Broadcast | None:
        found = await self._read("broadcast_no = {no:UInt64}", no=broadcast_no)
        return found[-1] if found else None

    async def changed_since(self, version: int) -> list[Broadcast]:
        return await self._read("version >= {version:UInt64}", version=version)

    async def put(
        self, account: str, broadcast_id: str, body: Document, by: Author, based_on: int | None = None
    ) -> tuple[Broadcast, bool, list[str]]:
        """Create or replace; gives the broadcast, whether it is new, and warnings. based_on: as in check_based_on."""
        check_broadcast_id(broadcast_id)
        async with self._locked(account, broadcast_id):
            old = await self.find(account, broadcast_id)
            check_based_on(based_on, old, f"broadcast {broadcast_id}")
            if old is None and broadcast_id.startswith(SHARED):
                raise invalid("broadcast_id", f"{SHARED}... is kept for shared links; choose another broadcast_id")
            if old is None:
                new = _worded(applied(Broadcast(0, account, broadcast_id, "", ()), body), None)
                checked, _, warnings = await self._checked(new, None)
                await self._quotas.check_broadcasts(self._clickhouse, account)
                return await self.create(checked, by), True, warnings
            new = _worded(applied(old, body), None)
            new = msgspec.structs.replace(new, sent_at_ms=new.sent_at_ms or old.sent_at_ms)
            checked, _, warnings = await self._checked(new, old)
            return await self._replace(checked, old, by), False, warnings

    async def patch(
        self, account: str, broadcast_id: str, patch: Document, by: Author, based_on: int | None = None
    ) -> tuple[Broadcast, list[str]]:
        """Change what the patch names; gives the broadcast, and warnings."""
        async with self._locked(account, broadcast_id):
            return await self._patched(await self._known(account, broadcast_id, based_on), patch, by)

    async def point(
        self, account: str, broadcast_id: str, index: int, to: str, by: Author, based_on: int | None = None
    ) -> tuple[Broadcast, list[str]]:
        """Change one of several destinations; gives the broadcast, and warnings. Raises Problem."""
        async with self._locked(account, broadcast_id):
            old = await self._known(account, broadcast_id, based_on)
            if index >= len(old.destinations):
                known = f"broadcast {broadcast_id} has {len(old.destinations)}, numbered from 0"
                raise Problem("not-found", f"there is no destination {index}; {known}", field="index")
            destinations = list(old.destinations)
            destinations[index] = to
            return await self._patched(old, msgspec.convert({"destinations": destinations}, BroadcastPatch), by)

    async def history(self, account: str, broadcast_id: str) -> list[Entry]:
        """Who changed what, oldest first; raises Problem."""
        return await self._changes.history(BROADCAST, await self.get(account, broadcast_id))

    async def roll_back(
        self, account: str, broadcast_id: str, to: int | None, by: Author, based_on: int | None = None
    ) -> tuple[Broadcast, list[str]]:
        """Take back every change after a version, by default the last one; gives the broadcast, and warnings."""
        async with self._locked(account, broadcast_id):
            old = await self._known(account, broadcast_id, based_on)
            version, fields = fields_of(await self._changes.history(BROADCAST, old), to)
            patch = msgspec.convert(fields, BroadcastPatch)
            return await self._patched(old, patch, by, f"rolled back to {version}")

    async def _known(self, account: str, broadcast_id: str, based_on: int | None) -> Broadcast:
        """The broadcast that a change is about, as it was when the change was made; raises Problem."""
        old = await self.get(account, broadcast_id)
        check_based_on(based_on, old, "the link" if broadcast_id.startswith(SHARED) else f"broadcast {broadcast_id}")
        return old

    async def _patched(
        self, old: Broadcast, patch: Document, by: Author, what: str = ""
    ) -> tuple[Broadcast, list[str]]:
        given, changed = stated(patch), applied(old, patch)
        worded_now = _worded(changed if "text" in given else following(changed, old), old)
        new, _, warnings = await self._checked(worded_now, old)
        if "sent_at" in given and given["sent_at"] is None:
            new = msgspec.structs.replace(new, sent_at_ms=await self._first_minted_at_ms(old.broadcast_no))
        return await self._replace(new, old, by, what), warnings

    async def delete(self, account: str, broadcast_id: str, by: Author) -> None:
        """Take back a broadcast that has no link; raises Problem. See Claims.claim: this is the other side of it."""
        async with self._locked(account, broadcast_id):
            old = await self.get(account, broadcast_id)
            await self._check_unused(old)
            gone = await self._changes.write(BROADCAST, msgspec.structs.replace(old, deleted=True), old, by)
            try:
                await self._check_unused(old)
            except Problem:
                await self._changes.write(BROADCAST, old, gone, by, WITHDRAWN)
                raise
            await self._cache.put(gone)

    async def create(self, new: Broadcast, by: Author, number: int | None = None) -> Broadcast:
        """Write a broadcast that is known to be new and checked; its number is given here."""
        if number is None:
            number = await self._ids.next_broadcast_no()
        written = await self._created((msgspec.structs.replace(new, broadcast_no=number), by))
        await self._cache.put(written)
        return written

    async def _create_all(self, new: Sequence[tuple[Broadcast, Author]]) -> list[Broadcast]:
        written = await self._changes.create(BROADCAST, new)
        # Redis wiped between two allocations gives a number twice: the edges must never see it.
        numbers = [broadcast.broadcast_no for broadcast in written]
        there = await self._read("broadcast_no IN ({nos:Array(UInt64)})", nos=numbers)
        times = Counter(broadcast.broadcast_no for broadcast in there)
        return [one if times[one.broadcast_no] <= 1 else await self._renumbered(one) for one in written]

    async def _renumbered(self, broadcast: Broadcast) -> Broadcast:
        number = await self._ids.next_broadcast_no()
        return await self._changes.write(
            BROADCAST, msgspec.structs.replace(broadcast, broadcast_no=number), broadcast, None
        )

    async def draft(
        self, account: str, short_domain: str, text: str, destinations: tuple[str, ...]
    ) -> tuple[Broadcast, bool]:
        """A broadcast that is kept nowhere, and whether its domain asks for an opt-out; raises Problem like `put`."""
        if not text.strip():
            raise invalid("text", "text is empty; expected the message, with a URL in it")
        draft = _worded(Broadcast(0, account, "draft", short_domain, destinations, text=text), None)
        checked, domain, _ = await self._checked(draft, None)
        return checked, domain.asks_opt_out

    async def asks_opt_out(self, broadcast: Broadcast) -> bool:
        """Whether its domain asks for a warning of a text that does not say how to opt out."""
        domain = await self._domains.get(broadcast.short_domain)
        return domain is not None and domain.asks_opt_out

    @contextlib.asynccontextmanager
    async def as_it_is_now(self, known: Broadcast) -> AsyncIterator[Broadcast]:
        """A broadcast that was read before, with what was changed since; nobody else changes it meanwhile."""
        async with self._locked(known.account, known.broadcast_id):
            newer = await self._read(
                "account = {account:String} AND broadcast_id = {id:String} AND version > {version:UInt64}",
                account=known.account, id=known.broadcast_id, version=known.version,
            )  # fmt: skip
            if newer and newer[-1].deleted:
                raise Problem("not-found", f"broadcast {known.broadcast_id} was deleted at the same moment")
            yield newer[-1] if newer else known

    async def ready_to_mint(self, broadcast: Broadcast, audiences: Sequence[str], sent_at_ms: int) -> Broadcast:
        """The broadcast with all these audiences in its list, and with the time of its first minting.

        broadcast: as it is now. sent_at_ms: 0 for links that say nothing of when it was sent.
        """
        known = set(broadcast.audiences)
        new = tuple(name for name in audiences if name not in known)
        if len(known) + len(new) > MAX_AUDIENCES:
            detail = f"the broadcast would have {len(known) + len(new)} audiences; at most {MAX_AUDIENCES} are allowed"
            raise invalid("audience", detail)
        sent_at_ms = broadcast.sent_at_ms or sent_at_ms
        if not new and sent_at_ms == broadcast.sent_at_ms:
            return broadcast
        ready = msgspec.structs.replace(broadcast, audiences=broadcast.audiences + new, sent_at_ms=sent_at_ms)
        ready = await self._changes.write(BROADCAST, ready, broadcast, None)
        await self._cache.put(ready)
        return ready

    async def _checked(self, new: Broadcast, old: Broadcast | None) -> tuple[Broadcast, Domain, list[str]]:
        """The broadcast with the name of its domain as that is kept, that domain, and warnings; raises Problem.

        The domain comes last: the command line registers one that is all that is missing.
        """
        own = name_of(new.short_domain, field="short_domain")
        # What is there already stays: a rule that came later must not keep a broadcast from being stopped.
        there = old if old is not None and old.short_domain == own else None
        stay = there.destinations if there else ()
        urls = {f"destinations[{i}]": None if url in stay else url for i, url in enumerate(new.destinations)}
        fallback = None if there and new.fallback == there.fallback else new.fallback or None
        warnings = await self._domains.check_destinations(new.account, urls, {"fallback": fallback}, own=own)
        if old is None or new.preview != old.preview:
            self._domains.check_image("preview.image", new.preview.get("image", ""))
        if new.expires_at_ms and new.expires_at_ms <= new.valid_from_ms:
            raise invalid("expires_at", f"expires_at {time_of(new.expires_at_ms):%FT%TZ} is not after valid_from")
        if old is None or new.timezone != old.timezone:
            await check_zone(self._clickhouse, "timezone", new.timezone)
        domain = await self._domains.usable(own, new.account)
        new = msgspec.structs.replace(new, short_domain=domain.short_domain)
        if old is not None:
            await self._check_links_fit(new, old)
        return new, domain, warnings

    async def _check_unused(self, broadcast: Broadcast) -> None:
        """Raises Problem for a broadcast that has links, or will have because they are being minted."""
        minted, _ = await self._links.usage(broadcast.broadcast_no)
        links = max(minted, (await self._claims.promised(broadcast.broadcast_no)).links)
        if links:
            what = f"broadcast {broadcast.broadcast_id} has {links} link{'s' if links > 1 else ''}"
            detail = f"{what}, and messages with them may be out there; archive it to take it out of lists"
            raise Problem("conflict", detail, links=links)

    async def _check_links_fit(self, new: Broadcast, old: Broadcast) -> None:
        """Raises Problem where a link that was minted, or that a claim promises, would no longer work."""
        if not takes_away(new, old):
            return
        promised = await self._claims.promised(old.broadcast_no)
        minted, needed = await self._links.usage(old.broadcast_no)
        needed = max(needed, promised.destinations)
        if new.short_domain != old.short_domain and (minted or promised.links):
            detail = f"links were minted on {old.short_domain}, the broadcast cannot leave it; use another broadcast"
            raise Problem("conflict", detail, field="short_domain")
        if gained := gained_fields(new, old):
            await self._check_links_have(gained, old.broadcast_no, promised.links > minted)
        fewer = len(new.destinations) < len(old.destinations)
        if fewer and promised.links > minted and (promised.unknown or len(new.destinations) < needed):
            detail = (
                "links of this broadcast are being minted, or their minting was cut off; shorten the destinations when "
                "it has ended, or after the same request was sent again with its Idempotency-Key"
            )
            raise Problem("in-progress", detail, field="destinations", retry_after_s=5)
        if len(new.destinations) < needed:
            detail = f"links use destination {needed - 1}, so at least {needed} destinations are needed"
            raise invalid("destinations", f"{detail}, not {len(new.destinations)}")

    async def _check_links_have(self, fields: frozenset[str], broadcast_no: int, being_minted: bool) -> None:
        """Raises Problem where a link would lack a field that its destination begins to name."""
        names = ", ".join(sorted(fields))
        if being_minted:
            detail = f"links are being minted without the field {names}; change the destinations when that has ended"
            raise Problem("in-progress", detail, field="destinations", retry_after_s=5)
        if lacking := await self._links.lacking(broadcast_no, fields):
            detail = f"{lacking} links were minted without the field {names}, so the destinations cannot name it"
            raise Problem("conflict", f"{detail}; use another broadcast", field="destinations", links=lacking)

    async def _replace(self, new: Broadcast, old: Broadcast, by: Author, what: str = "") -> Broadcast:
        """Write a broadcast that was checked. See Claims.claim: this is the other side of it."""
        if new.destinations != old.destinations:
            new = with_versions(new, old, await self._changes.next_version(BROADCAST, old))
        written = await self._changes.write(BROADCAST, new, old, by, what)
        if takes_away(new, old) and not await self._claims.fit(written):
            await self._cache.put(await self._changes.write(BROADCAST, old, written, by, WITHDRAWN))
            detail = "links of this broadcast began to be minted at the same moment; nothing was changed, try again"
            raise Problem("in-progress", detail, retry_after_s=5)
        await self._cache.put(written)
        return written

    async def _first_minted_at_ms(self, broadcast_no: int) -> int:
        """0 where no contact has a link yet: then the first minting sets it."""
        sql = (
            "SELECT toUnixTimestamp64Milli(min(minted_at)) FROM links"
            " WHERE broadcast_no = {no:UInt64} AND kind = 'personal'"
        )
        return int(await self._clickhouse.value(sql, no=broadcast_no))

    async def find(self, account: str, broadcast_id: str) -> Broadcast | None:
        return await self._by_id((account, broadcast_id))

    async def _all_by_id(self, wanted: Sequence[tuple[str, str]]) -> list[Broadcast | None]:
        """By account and id each."""
        accounts, ids = (sorted(set(names)) for names in zip(*wanted, strict=True))
        condition = "account IN ({accounts:Array(String)}) AND broadcast_id IN ({ids:Array(String)}) AND " + EXISTING
        found = await self._read(condition, accounts=accounts, ids=ids)
        known = {(broadcast.account, broadcast.broadcast_id): broadcast for broadcast in found}
        return [known.get(one) for one in wanted]

    async def _read(self, condition: str, **params: Any) -> list[Broadcast]:
        return await self._clickhouse.rows(in_force(BROADCASTS, condition), Broadcast, **params)

    def _locked(self, account: str, broadcast_id: str) -> "contextlib.AbstractAsyncContextManager[None]":
        return self._locks.hold(f"broadcast:{account}:{broadcast_id}", wait_s=10.0)


def with_versions(new: Broadcast, old: Broadcast, version: int) -> Broadcast:
    """The broadcast with which change put each destination in force: this one, where it is not the one before."""
    before = list(zip_longest(old.destinations, old.destination_versions, fillvalue=1))[: len(old.destinations)]
    versions = [
        before[index][1] if index < len(before) and before[index][0] == url else version
        for index, url in enumerate(new.destinations)
    ]
    return msgspec.structs.replace(new, destination_versions=tuple(versions))


def _worded(new: Broadcast, old: Broadcast | None) -> Broadcast:
    """The broadcast with text and destinations that belong together; raises Problem."""
    if not new.text and not new.destinations:
        raise invalid("destinations", "field destinations is required where there is no text with URLs")
    if not new.text:
        return new
    try:
        return worded(new, old)
    except TextFault as fault:
        raise invalid("text", f"text {fault}") from None


def takes_away(new: Broadcast, old: Broadcast) -> bool:
    """Whether a change takes something away that links rely on."""
    fewer = len(new.destinations) < len(old.destinations)
    return new.short_domain != old.short_domain or fewer or bool(gained_fields(new, old))


def gained_fields(new: Broadcast, old: Broadcast) -> frozenset[str]:
    """Fields of contacts that the destinations begin to name."""
    return own_fields(new.destinations) - own_fields(old.destinations)


def check_broadcast_id(broadcast_id: str) -> None:
    if not _ID.fullmatch(broadcast_id):
        detail = f"broadcast_id is {described(broadcast_id)}; expected 1 to 128 characters of [A-Za-z0-9._:~-]"
        raise invalid("broadcast_id", f"{detail}, the first a letter or digit")
