"""Table mints: which link ids a request was given, and what its links rely on. Durable before any link is.

A claim is a promise of links: while they are being minted, by whichever process, and after a minting was cut off, the
broadcast keeps the short domain and as many destinations as the claim says.
"""

import asyncio
import itertools
import logging
import random

import msgspec

from control.http.problems import Problem
from control.metrics import CLAIMS_GIVEN_UP
from control.minting.id_allocator import IdAllocator
from records.account import within
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse
from runtime.retry_insert import until_confirmed

log = logging.getLogger(__name__)

_SAME_CLAIM = "broadcast_no = {no:UInt64} AND idempotency_key = {key:String}"
_OVERLAP = "first_link_id < {end:UInt64} AND first_link_id + links > {first:UInt64}"
_NEIGHBOURS = (
    f"SELECT (SELECT count() FROM mints WHERE ({_OVERLAP}) OR ({_SAME_CLAIM})),"  # noqa: S608 - our own conditions
    " (SELECT max(version) FROM broadcasts WHERE account = {account:String} AND broadcast_no = {no:UInt64}),"
    " (SELECT argMax(if(deleted, '', account), version) FROM domains WHERE short_domain = {domain:String}),"
    " (SELECT count() FROM mints WHERE broadcast_no = {no:UInt64})"
)
_LINKS_ON = (
    "SELECT greatest((SELECT count() FROM links WHERE short_domain = {domain:String}), (SELECT sum(links) FROM mints"
    " WHERE short_domain = {domain:String} OR (short_domain = '' AND broadcast_no IN"
    " (SELECT broadcast_no FROM broadcasts FINAL WHERE short_domain = {domain:String}))))"
)
_PROMISED = (
    "SELECT sum(links), max(destinations), toBool(countIf(destinations = 0)), count()"
    " FROM mints WHERE broadcast_no = {no:UInt64}"
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

    def fits(self, broadcast: Broadcast) -> bool:
        """Whether the broadcast has what the links rely on."""
        return self.short_domain in ("", broadcast.short_domain) and self.destinations <= len(broadcast.destinations)


class Neighbours(msgspec.Struct, frozen=True, array_like=True):
    """What stands beside a claim once it is written."""

    rivals: int  # claims that are this one, have its key or overlap it
    broadcast_version: int
    domain_owner: str  # "" where there is no such domain any more
    claims: int  # of the broadcast


class Promised(msgspec.Struct, frozen=True, array_like=True):
    """What all claims of a broadcast rely on."""

    links: int
    destinations: int
    unknown: bool  # a claim is older than the column `destinations`
    claims: int


_COLUMNS = ", ".join(Claim.__struct_fields__).replace(
    "minted_at_ms", "toUnixTimestamp64Milli(minted_at) AS minted_at_ms"
)


class Claims:
    def __init__(self, clickhouse: ClickHouse, ids: IdAllocator) -> None:
        self._clickhouse, self._ids = clickhouse, ids

    async def of_minting(self, broadcast_no: int, key: str) -> Claim | None:
        return await self._find(_SAME_CLAIM, no=broadcast_no, key=key)

    async def of_shared_link(self, account: str, key: str) -> Claim | None:
        return await self._find(
            "account = {account:String} AND idempotency_key = {key:String}", account=account, key=key
        )

    async def links_on(self, short_domain: str) -> int:
        """How many links a domain has, or will have because they were claimed."""
        return int(await self._clickhouse.value(_LINKS_ON, domain=short_domain))

    async def promised(self, broadcast_no: int) -> Promised:
        (promised,) = await self._clickhouse.rows(_PROMISED, Promised, no=broadcast_no)
        return promised

    async def fit(self, broadcast: Broadcast) -> bool:
        """Whether the broadcast has what its claims rely on."""
        sql = (
            "SELECT count() FROM mints WHERE broadcast_no = {no:UInt64}"
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
            first = await self._ids.take_link_ids(wanted.links)
            claim = msgspec.structs.replace(wanted, first_link_id=first)
            await self._insert(claim)
            beside = await self._neighbours(claim)
            is_usable = beside.domain_owner != "" and within(claim.account, beside.domain_owner)
            is_alone = others is None or beside.claims == others + 1
            if beside.rivals == 1 and beside.broadcast_version <= broadcast_version and is_usable and is_alone:
                return claim
            await self._give_up(claim)
            if not is_usable:
                detail = f"account {claim.account} has no domain {claim.short_domain} any more; register it again first"
                raise Problem("conflict", detail, field="short_domain")
            if beside.broadcast_version > broadcast_version:
                detail = "the broadcast was changed at the same moment; nothing was minted, send the request again"
                raise Problem("in-progress", detail, retry_after_s=1)
            if not is_alone:
                detail = "links of this broadcast were claimed at the same moment; nothing was minted, send it again"
                raise Problem("in-progress", detail, retry_after_s=1)
            # Redis was wiped between two allocations.
        raise AssertionError("unreachable")

    async def _find(self, condition: str, **params: str | int) -> Claim | None:
        sql = f"SELECT {_COLUMNS} FROM mints WHERE {condition} ORDER BY first_link_id LIMIT 1"  # noqa: S608
        found = await self._clickhouse.rows(sql, Claim, **params)
        return found[0] if found else None

    async def _insert(self, claim: Claim) -> None:
        row = msgspec.structs.asdict(claim)
        row["minted_at"] = f"{row.pop('minted_at_ms') / 1000:.3f}"

        async def attempt(number: int) -> None:
            if not number or not await self._is_there(claim):
                await self._clickhouse.insert_rows("mints", [row])

        await until_confirmed(attempt)

    async def _is_there(self, claim: Claim) -> bool:
        same = f"{_SAME_CLAIM} AND first_link_id = {{first:UInt64}}"
        found = await self._find(same, no=claim.broadcast_no, key=claim.idempotency_key, first=claim.first_link_id)
        return found is not None

    async def _neighbours(self, claim: Claim) -> Neighbours:
        (beside,) = await self._clickhouse.rows(
            _NEIGHBOURS, Neighbours, first=claim.first_link_id, end=claim.first_link_id + claim.links,
            account=claim.account, no=claim.broadcast_no, key=claim.idempotency_key, domain=claim.short_domain,
        )  # fmt: skip
        return beside

    async def _give_up(self, claim: Claim) -> None:
        CLAIMS_GIVEN_UP.inc()
        log.warning(
            "id_claim_abandoned: claiming other link ids", extra={"first": claim.first_link_id, "links": claim.links}
        )
        await self._clickhouse.execute(
            f"DELETE FROM mints WHERE {_SAME_CLAIM} AND first_link_id = {{first:UInt64}}",  # noqa: S608
            no=claim.broadcast_no, key=claim.idempotency_key, first=claim.first_link_id,
        )  # fmt: skip
