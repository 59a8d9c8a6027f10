"""The table of links: inserting exactly once, and looking one up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from io import BytesIO
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from control.gathered import Gathered
from control.http.problems import Problem
from control.metrics import LINKS_MINTED
from records.erasure import IS_TOKEN
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable, array_literal
from runtime.retry_insert import OutcomeUnknown, until_confirmed

_PAUSES_S = (0.2, 0.6, 1.8, 5.4, 16.2)
_INSERT = "INSERT INTO links FORMAT ArrowStream"
_LINKS_AT_ONCE = 250_000
_OF_CONTACTS = (
    "SELECT link_id, toString(contact_id) AS contact_id, destination_index FROM links"
    " WHERE broadcast_no = {no:UInt64} AND link_id >= {first:UInt64} AND link_id < {end:UInt64}"
    " AND contact_id != ''%s ORDER BY link_id LIMIT {most:UInt64} FORMAT ArrowStream"
)
# Slugs that are this one or differ in case alone; the one as written comes first.
_ALIKE = "lower(slug) = lower({slug:String}) AND short_domain = {domain:String} ORDER BY slug != {slug:String}, slug"
_THERE = "SELECT link_id FROM links WHERE link_id IN ({ids:Array(UInt64)})"
_ENDED = 394  # QUERY_WAS_CANCELLED
_ALIKE_AT_MOST = 100_000  # old slugs may differ in case alone
_SINGLES = "singles"  # begins the id of an INSERT of links of different requests; their ids follow
_OTHERS_S, _LOOK_S = 10.0, 0.05
_PRESENT = "SELECT link_id FROM links WHERE link_id >= {first:UInt64} AND link_id < {end:UInt64}"


class LinkRow(msgspec.Struct, frozen=True):
    link_id: int
    account: str
    code: str
    short_domain: str
    broadcast_no: int
    broadcast_id: str
    contact_id: str
    audience: str
    destination_index: int
    slug: str
    keyword: str
    minted_at: str
    fields: dict[str, str]


_COLUMNS = ", ".join(LinkRow.__struct_fields__).replace(
    "minted_at", "formatDateTime(minted_at, '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS minted_at"
)


class LinkTable:
    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._single = Gathered(self._insert_singles)
        self._taken = Gathered(self._taken_slugs)

    async def insert(self, rows: Any, first_link_id: int, *, maybe_there: bool = False) -> None:
        """Insert the rows, each once; raises Problem when ClickHouse stays away.

        rows: in the order of their ids, of which no other rows have one in between. maybe_there: an earlier request may
        have inserted some.
        """
        last = rows["link_id"][-1].as_py()
        if rows.num_rows == 1 and not maybe_there:
            return await self._single((last, rows))
        end = last + 1
        query_id = f"mint:{first_link_id}:{end}"

        async def attempt(number: int) -> None:
            missing = rows
            if number or maybe_there:
                if rows.num_rows == 1:
                    await self._wait_for_others(last)
                await self._stop(query_id)
                missing = await self._missing(rows, first_link_id, end)
            if missing.num_rows:
                await self._insert(missing, f"{query_id}:{number}")

        await self._until_confirmed(attempt)

    async def _insert_singles(self, singles: Sequence[tuple[int, Any]]) -> list[None]:
        """(link id, its row) each, of different requests, by one INSERT."""
        rows = pa.Table.from_batches([row for _, row in singles]).combine_chunks().to_batches()[0]
        link_ids = [link_id for link_id, _ in singles]
        query_id = ",".join([_SINGLES, *map(str, link_ids)])

        async def attempt(number: int) -> None:
            missing = rows
            if number:
                await self._stop(query_id)
                missing = _without(rows, await self._clickhouse.rows(_THERE, dict, ids=link_ids))
            if missing.num_rows:
                await self._insert(missing, f"{query_id},attempt {number}")

        await self._until_confirmed(attempt)
        return [None] * len(singles)

    async def by_id(self, link_id: int) -> LinkRow | None:
        return await self._first("link_id = {link_id:UInt64}", link_id=link_id)

    async def like_slug(self, short_domain: str, slug: str) -> LinkRow | None:
        """The link that a visit to this slug finds: the slug as written, else the only one that differs in case."""
        rows = await self.where(_ALIKE, 2, slug=slug, domain=short_domain)
        return rows[0] if rows and (rows[0].slug == slug or len(rows) == 1) else None

    async def taken_slug(self, short_domain: str, slug: str) -> LinkRow | None:
        """A link whose slug leaves no room for this one: the same, or one that differs in case alone."""
        return await self._taken((short_domain, slug))

    async def _taken_slugs(self, wanted: Sequence[tuple[str, str]]) -> list[LinkRow | None]:
        """By short domain and slug each."""
        domains, slugs = sorted({domain for domain, _ in wanted}), sorted({slug.lower() for _, slug in wanted})
        condition = "lower(slug) IN ({slugs:Array(String)}) AND short_domain IN ({domains:Array(String)})"
        rows = await self.where(f"{condition} ORDER BY slug DESC", _ALIKE_AT_MOST, slugs=slugs, domains=domains)
        same = {(row.short_domain, row.slug): row for row in rows}
        alike = {(row.short_domain, row.slug.lower()): row for row in rows}
        return [same.get((domain, slug)) or alike.get((domain, slug.lower())) for domain, slug in wanted]

    async def from_id(self, broadcast_no: int, first: int, most: int) -> list[LinkRow]:
        """Links of a broadcast but its canaries, those with an id of `first` or above, in the order of their ids."""
        condition = "broadcast_no = {no:UInt64} AND kind != 'canary' AND link_id >= {first:UInt64} ORDER BY link_id"
        return await self.where(condition, most, no=broadcast_no, first=first)

    async def sample(self, broadcast_no: int, size: int, seed: int) -> list[LinkRow]:
        """So many links of a broadcast from all over it, no canaries; another seed gives others."""
        chosen = (
            "SELECT link_id FROM links WHERE broadcast_no = {no:UInt64} AND kind != 'canary' AND code != ''"
            " ORDER BY cityHash64(link_id, {seed:UInt64}) LIMIT {size:UInt64}"
        )
        condition = f"broadcast_no = {{no:UInt64}} AND link_id IN ({chosen}) ORDER BY link_id"
        return await self.where(condition, size, no=broadcast_no, seed=seed, size=size)

    async def one_for_each_destination(self, broadcast_no: int, contact_id: str | None) -> list[LinkRow]:
        """The first link to each destination, of this contact where one is named."""
        whose = "kind != 'canary'" if contact_id is None else "contact_id = {contact:String}"
        condition = f"broadcast_no = {{no:UInt64}} AND code != '' AND {whose}"
        named = {} if contact_id is None else {"contact": contact_id}
        order = "ORDER BY destination_index, link_id LIMIT 1 BY destination_index"
        return await self.where(f"{condition} {order}", 2**16, no=broadcast_no, **named)

    async def contacts(self, broadcast_no: int) -> int:
        """How many contacts have a link of a broadcast, canaries apart."""
        sql = (
            "SELECT uniqExact(contact_id) FROM links"
            " WHERE broadcast_no = {no:UInt64} AND contact_id != '' AND kind != 'canary'"
        )
        return int(await self._clickhouse.value(sql, no=broadcast_no))

    async def usage(self, broadcast_no: int) -> tuple[int, int]:
        """How many links a broadcast has, and how many destinations it must have for them."""
        sql = "SELECT [count(), toUInt64(max(destination_index))] FROM links WHERE broadcast_no = {no:UInt64}"
        minted, highest = await self._clickhouse.value(sql, no=broadcast_no)
        return int(minted), int(highest) + 1 if minted else 0

    async def lacking(self, broadcast_no: int, fields: Collection[str]) -> int:
        """How many links of a broadcast lack some of these fields, but for those of erased contacts."""
        sql = (
            "SELECT count() FROM links WHERE broadcast_no = {no:UInt64}"  # noqa: S608
            f" AND kind != 'canary' AND NOT {IS_TOKEN} AND NOT hasAll(mapKeys(fields), {{fields:Array(String)}})"
        )
        return int(await self._clickhouse.value(sql, no=broadcast_no, fields=sorted(fields)))

    async def links_of_contacts(
        self, broadcast_no: int, first: int, end: int, contact_ids: list[str] | None
    ) -> AsyncIterator[Any]:
        """Links of a broadcast with ids from `first` up to `end`, in their order, some at a time: pa.Table with the
        columns link_id, contact_id, destination_index. contact_ids: of these contacts alone.
        """
        among = "" if contact_ids is None else f" AND contact_id IN {array_literal(contact_ids)}"
        sql = _OF_CONTACTS.replace("%s", among)
        while first < end:
            answer = await self._clickhouse.body(sql, no=broadcast_no, first=first, end=end, most=_LINKS_AT_ONCE)
            links = pa.ipc.open_stream(answer).read_all()
            yield links
            if links.num_rows < _LINKS_AT_ONCE:
                return
            first = links["link_id"][-1].as_py() + 1

    async def slugs(self) -> list[tuple[str, str, int]]:
        """(short domain, slug, link id) of every link that has one."""
        sql = "SELECT short_domain, slug, link_id FROM links WHERE slug != ''"
        rows = await self._clickhouse.rows(sql, dict)
        return [(row["short_domain"], row["slug"], row["link_id"]) for row in rows]

    async def _missing(self, rows: Any, first_link_id: int, end: int) -> Any:
        return _without(rows, await self._clickhouse.rows(_PRESENT, dict, first=first_link_id, end=end))

    async def _insert(self, rows: Any, query_id: str) -> None:
        body = await asyncio.to_thread(_arrow_stream, rows)
        try:
            await self._clickhouse.insert(_INSERT, body, query_id=query_id)
        except ClickHouseRefused as error:
            if error.code == _ENDED:
                raise ClickHouseUnreachable("the INSERT was ended for a link in it that is inserted again") from None
            raise
        LINKS_MINTED.inc(rows.num_rows)

    async def _until_confirmed(self, attempt: Callable[[int], Awaitable[None]]) -> None:
        """Raises Problem when ClickHouse stays away."""
        try:
            await until_confirmed(attempt, _PAUSES_S)
        except OutcomeUnknown:
            detail = "ClickHouse cannot be reached; send the same request with the same Idempotency-Key to go on"
            raise Problem("unavailable", detail, retry_after_s=10) from None

    async def _stop(self, query_id: str) -> None:
        """End an insert whose answer was lost: it must not commit after the check."""
        with contextlib.suppress(ClickHouseRefused):
            await self._clickhouse.execute("KILL QUERY WHERE startsWith(query_id, {id:String}) SYNC", id=query_id)

    async def _wait_for_others(self, link_id: int) -> None:
        """Until no insert of links of different requests has this one among them: the others' are not ended for it.

        One that takes too long is ended: whoever waits for it checks, and inserts what is missing.
        """
        among = f"startsWith(query_id, '{_SINGLES},') AND has(splitByChar(',', query_id), {{id:String}})"
        give_up_at = asyncio.get_running_loop().time() + _OTHERS_S
        with contextlib.suppress(ClickHouseRefused):
            while await self._clickhouse.rows(f"KILL QUERY WHERE {among} TEST", dict, id=str(link_id)):
                if asyncio.get_running_loop().time() >= give_up_at:
                    await self._clickhouse.execute(f"KILL QUERY WHERE {among} SYNC", id=str(link_id))
                    return
                await asyncio.sleep(_LOOK_S)

    async def _first(self, condition: str, **params: Any) -> LinkRow | None:
        found = await self.where(condition, 1, **params)
        return found[0] if found else None

    async def where(self, condition: str, most: int, **params: Any) -> list[LinkRow]:
        """At most so many links that meet a condition, which may end in ORDER BY."""
        sql = f"SELECT {_COLUMNS} FROM links WHERE {condition} LIMIT {most}"  # noqa: S608 - our own column names
        return await self._clickhouse.rows(sql, LinkRow, **params)


def _arrow_stream(rows: Any) -> bytes:
    sink = BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    return sink.getvalue()


def _without(rows: Any, present: list[dict[str, Any]]) -> Any:
    """The rows but those whose link ids are present already."""
    if not present:
        return rows
    there = pa.array([row["link_id"] for row in present], pa.uint64())
    return rows.filter(pc.invert(pc.is_in(rows["link_id"], there)))
