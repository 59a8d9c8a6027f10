"""Table mints: which link ids a request was given, and what its links rely on. Durable before any link is.

A claim is a promise of links: while they are being minted, by whichever process, and after a minting was cut off, the
broadcast keeps the short domain and as many destinations as the claim says.
"""

import asyncio
import itertools
import logging
import random
from collections.abc import Sequence
from typing import Any

import msgspec

from control.gathered import Gathered
from control.http.problems import Problem
from control.metrics import CLAIMS_GIVEN_UP
from control.minting.id_allocator import IdAllocator
from records.account import within
from records.broadcast import Broadcast
from records.erasure import ERASED_LINKS
from records.tables import instant
from runtime.clickhouse import ClickHouse
from runtime.retry_insert import until_confirmed

log = logging.getLogger(__name__)

_SAME_CLAIM = "broadcast_no = {no:UInt64} AND idempotency_key = {key:String}"
_NEIGHBOURS = (
    "SELECT (SELECT groupArray((broadcast_no, idempotency_key, first_link_id, links)) FROM taptrail_internal.mints"
    " WHERE (first_link_id < {end:UInt64} AND first_link_id + links > {first:UInt64})"
    " OR (broadcast_no IN ({nos:Array(UInt64)}) AND idempotency_key IN ({keys:Array(String)}))),"
    " (SELECT groupArray((account, broadcast_no, version, short_domain, length(destinations))) FROM broadcasts"
    " WHERE (account, broadcast_no, version) IN (SELECT account, broadcast_no, max(version) FROM broadcasts"
    " WHERE broadcast_no IN ({nos:Array(UInt64)}) GROUP BY account, broadcast_no)),"
    " (SELECT groupArray((short_domain, owner)) FROM (SELECT short_domain, argMax(if(deleted, '', account), version)"
    " AS owner FROM domains WHERE short_domain IN ({domains:Array(String)}) GROUP BY short_domain)),"
    " (SELECT groupArray((broadcast_no, claims)) FROM (SELECT broadcast_no, count() AS claims"
    " FROM taptrail_internal.mints WHERE broadcast_no IN ({nos:Array(UInt64)}) GROUP BY broadcast_no))"
)
_LINKS_ON = (
    "SELECT greatest((SELECT count() FROM links WHERE short_domain = {domain:String}),"
    " (SELECT sum(links) FROM taptrail_internal.mints"
    " WHERE short_domain = {domain:String} OR (short_domain = '' AND broadcast_no IN"
    " (SELECT broadcast_no FROM broadcasts FINAL WHERE short_domain = {domain:String}))))"
)
_PROMISED = (
    "SELECT sum(links), max(destinations), toBool(countIf(destinations = 0)), count(),"  # noqa: S608
    f" (SELECT count() FROM {ERASED_LINKS} WHERE link_id >= {{first:UInt64}} AND link_id < {{end:UInt64}})"
    " FROM taptrail_internal.mints WHERE broadcast_no = {no:UInt64}"
)


_SHARED_LINK = "link:"  # begins the keys of shared links
_MINTING = "mint:"  # begins those of mintings that would look like another's, as the others are kept as they were sent


def minting_key(idempotency_key: str) -> str:
    """The key of a claim by its header; never one of a shared link."""
    return _MINTING + idempotency_key if idempotency_key.startswith((_SHARED_LINK, _MINTING)) else idempotency_key


def shared_link_key(idempotency_key: str) -> str:
    """The key of a claim by its header; never one of a minting."""
    return _SHARED_LINK + idempotency_key


_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.64


def pause_s(attempt: int) -> float:
    """Before the attempt after `attempt` that met another claim: at random, or those that met would meet again."""
    longest_s: float = min(_FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 10), _LONGEST_PAUSE_S)
    return random.uniform(0, longest_s)  # noqa: S311 - no secret


class Claim(msgspec.Struct, frozen=True):
    """A row of the table."""

    account: str
    broadcast_no: int
    idempotency_key: str
    body_hash: str
    first_link_id: int
    links: int
    minted_at_ms: int
    short_domain: str  # "" and 0 in rows that are older than these two
    destinations: int  # how many the broadcast must have: all it had, where a line named none

    def fits(self, short_domain: str, destinations: int) -> bool:
        """Whether a broadcast of this domain and so many destinations has what the links rely on."""
        return self.short_domain in ("", short_domain) and self.destinations <= destinations


_Outcome = tuple[Claim | None, Problem | None]


class Neighbours(msgspec.Struct, frozen=True, array_like=True):
    """What stands beside some claims once they are written."""

    claims: list[tuple[int, str, int, int]]  # broadcast_no, key, first link id, links: they and their rivals
    # account, broadcast_no, version, short domain, destinations: the last rows of each, two where two were written in
    # the same millisecond
    broadcasts: list[tuple[str, int, int, str, int]]
    domains: list[tuple[str, str]]  # short domain, its owner: "" where there is no such domain any more
    counts: list[tuple[int, int]]  # broadcast_no, how many claims it has

    def is_changed(self, claim: Claim, known_version: int) -> bool:
        """Whether the broadcast that it relies on was, since that version or by another row of the same version."""
        return any(
            version > known_version or not claim.fits(short_domain, destinations)
            for account, no, version, short_domain, destinations in self.broadcasts
            if (account, no) == (claim.account, claim.broadcast_no)
        )

    def rivals_of(self, claim: Claim) -> int:
        """How many claims have its key or overlap it, and itself."""
        end = claim.first_link_id + claim.links
        return sum(
            (no, key) == (claim.broadcast_no, claim.idempotency_key)
            or (first < end and first + links > claim.first_link_id)
            for no, key, first, links in self.claims
        )


class Promised(msgspec.Struct, frozen=True, array_like=True):
    """What all claims of a broadcast rely on."""

    links: int
    destinations: int
    unknown: bool  # a claim is older than the column `destinations`
    claims: int
    erased: int  # links of the claim that was asked about whose contacts were erased


_COLUMNS = ", ".join(Claim.__struct_fields__).replace(
    "minted_at_ms", "toUnixTimestamp64Milli(minted_at) AS minted_at_ms"
)


class Claims:
    def __init__(self, clickhouse: ClickHouse, ids: IdAllocator) -> None:
        self._clickhouse, self._ids = clickhouse, ids
        self._claimed = Gathered(self._claim_all)
        self._of_shared_links = Gathered(self._find_of_shared_links)

    async def of_minting(self, broadcast_no: int, key: str) -> Claim | None:
        return await self._find(_SAME_CLAIM, no=broadcast_no, key=key)

    async def of_shared_link(self, account: str, key: str) -> Claim | None:
        return await self._of_shared_links((account, key))

    async def links_on(self, short_domain: str) -> int:
        """How many links a domain has, or will have because they were claimed."""
        return int(await self._clickhouse.value(_LINKS_ON, domain=short_domain))

    async def promised(self, broadcast_no: int, claim: Claim | None = None) -> Promised:
        first, links = (0, 0) if claim is None else (claim.first_link_id, claim.links)
        (promised,) = await self._clickhouse.rows(_PROMISED, Promised, no=broadcast_no, first=first, end=first + links)
        return promised

    async def fit(self, broadcast: Broadcast) -> bool:
        """Whether the broadcast has what its claims rely on."""
        sql = (
            "SELECT count() FROM taptrail_internal.mints WHERE broadcast_no = {no:UInt64}"
            " AND (short_domain NOT IN ('', {domain:String}) OR destinations > {destinations:UInt16})"
        )
        misfits = await self._clickhouse.value(
            sql, no=broadcast.broadcast_no, domain=broadcast.short_domain, destinations=len(broadcast.destinations)
        )
        return int(misfits) == 0

    async def claim(self, wanted: Claim, broadcast_version: int = 0, others: int | None = None) -> Claim:
        """Claim `wanted.links` link ids that nobody else has; gives the claim with its first id. Raises Problem.

        broadcast_version: of the broadcast that the links rely on; 0 for one that is still to be made. The caller keeps
        it from being changed meanwhile. Where Redis lost that lock, the claim and the change look for each other after
        they are written: the one that sees the other gives up, at worst both. The same holds for a claim and the
        deletion of its domain. others: how many claims the broadcast had when the caller looked whose links are there;
        another one since then may have given a contact its link.
        """
        for attempt in itertools.count():
            if attempt:
                await asyncio.sleep(pause_s(attempt))
            claim, refusal = await self._claimed((wanted, broadcast_version, others))
            if claim is not None:
                return claim
            if refusal is not None:
                raise refusal
            # Redis was wiped between two allocations.
        raise AssertionError("unreachable")

    async def _claim_all(
        self, wanted: Sequence[tuple[Claim, int, int | None]]
    ) -> list[tuple[Claim | None, Problem | None]]:
        """Each with its ids; without ids what it is refused with, or nothing where it is to be tried again."""
        first = await self._ids.take_link_ids(sum(one.links for one, *_ in wanted))
        claims = []
        for one, *_ in wanted:
            claims.append(msgspec.structs.replace(one, first_link_id=first))
            first += one.links
        await self._insert(claims)
        beside = await self._neighbours(claims)
        owners, counts = dict(beside.domains), dict(beside.counts)
        outcomes: list[_Outcome] = []
        for claim, (_, known_version, others) in zip(claims, wanted, strict=True):
            is_alone = others is None or counts[claim.broadcast_no] == others + 1
            is_changed = beside.is_changed(claim, known_version)
            refusal = _refusal(claim, owners.get(claim.short_domain, ""), is_changed=is_changed, is_alone=is_alone)
            if refusal is None and beside.rivals_of(claim) == 1:
                outcomes.append((claim, None))
                continue
            await self._give_up(claim)
            outcomes.append((None, refusal))
        return outcomes

    async def _find(self, condition: str, **params: str | int) -> Claim | None:
        sql = f"SELECT {_COLUMNS} FROM taptrail_internal.mints WHERE {condition} ORDER BY first_link_id LIMIT 1"  # noqa: S608
        found = await self._clickhouse.rows(sql, Claim, **params)
        return found[0] if found else None

    async def _find_of_shared_links(self, wanted: Sequence[tuple[str, str]]) -> list[Claim | None]:
        """By account and key each."""
        condition = "account IN ({accounts:Array(String)}) AND idempotency_key IN ({keys:Array(String)})"
        sql = f"SELECT {_COLUMNS} FROM taptrail_internal.mints WHERE {condition} ORDER BY first_link_id DESC"  # noqa: S608
        accounts, keys = sorted({account for account, _ in wanted}), [key for _, key in wanted]
        found = await self._clickhouse.rows(sql, Claim, accounts=accounts, keys=keys)
        known = {(claim.account, claim.idempotency_key): claim for claim in found}  # the first of each stays
        return [known.get(one) for one in wanted]

    async def _insert(self, claims: Sequence[Claim]) -> None:
        """By one INSERT. The ids are dense from the first claim to the last."""

        async def attempt(number: int) -> None:
            there = await self._there(claims) if number else set()
            missing = [_row(claim) for claim in claims if claim not in there]
            if missing:
                await self._clickhouse.insert_rows("taptrail_internal.mints", missing)

        await until_confirmed(attempt)

    async def _there(self, claims: Sequence[Claim]) -> set[Claim]:
        within = "first_link_id >= {first:UInt64} AND first_link_id < {end:UInt64}"
        sql = f"SELECT {_COLUMNS} FROM taptrail_internal.mints WHERE {within}"  # noqa: S608
        first, end = _range(claims)
        return set(await self._clickhouse.rows(sql, Claim, first=first, end=end))

    async def _neighbours(self, claims: Sequence[Claim]) -> Neighbours:
        first, end = _range(claims)
        (beside,) = await self._clickhouse.rows(
            _NEIGHBOURS, Neighbours, first=first, end=end, nos=sorted({claim.broadcast_no for claim in claims}),
            keys=[claim.idempotency_key for claim in claims], domains=sorted({claim.short_domain for claim in claims}),
        )  # fmt: skip
        return beside

    async def _give_up(self, claim: Claim) -> None:
        CLAIMS_GIVEN_UP.inc()
        log.warning(
            "id_claim_abandoned: claiming other link ids", extra={"first": claim.first_link_id, "links": claim.links}
        )
        await self._clickhouse.execute(
            f"DELETE FROM taptrail_internal.mints WHERE {_SAME_CLAIM} AND first_link_id = {{first:UInt64}}",  # noqa: S608
            no=claim.broadcast_no, key=claim.idempotency_key, first=claim.first_link_id,
        )  # fmt: skip


def _refusal(claim: Claim, domain_owner: str, *, is_changed: bool, is_alone: bool) -> Problem | None:
    """is_changed: whether the broadcast that it relies on was. is_alone: no other claim of it came in between."""
    if not domain_owner or not within(claim.account, domain_owner):
        detail = f"account {claim.account} has no domain {claim.short_domain} any more; register it again first"
        return Problem("conflict", detail, field="short_domain")
    if is_changed:
        detail = "the broadcast was changed at the same moment; nothing was minted, send the request again"
        return Problem("in-progress", detail, retry_after_s=1)
    if not is_alone:
        detail = "links of this broadcast were claimed at the same moment; nothing was minted, send it again"
        return Problem("in-progress", detail, retry_after_s=1)
    return None


def _range(claims: Sequence[Claim]) -> tuple[int, int]:
    return claims[0].first_link_id, claims[-1].first_link_id + claims[-1].links


def _row(claim: Claim) -> dict[str, Any]:
    row = msgspec.structs.asdict(claim)
    return row | {"minted_at": instant(row.pop("minted_at_ms"))}
