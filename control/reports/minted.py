"""The links of a broadcast and their contacts, which a report counts again only after a minting."""

import time
from hashlib import sha256

import msgspec

from control.reports.filters import NONE, Filters, narrowing, of_links
from control.reports.shared import Shared
from control.reports.statements import MINTED, MINTED_STATE
from records.broadcast import Broadcast
from runtime.clickhouse import ClickHouse

MAX_KEPT = 1_000  # broadcasts, some 100 bytes for each audience of each


class Minted(msgspec.Struct, frozen=True):
    """Of one value of a list, or of all; canaries are in no other figure."""

    list: str
    audience: str
    destination_index: int
    links: int
    canaries: int
    contacts: int
    first_ms: int | None  # Unix milliseconds of the first minting


NOTHING = Minted("", "", 0, 0, 0, 0, None)


class MintedLinks(msgspec.Struct, frozen=True):
    all: Minted
    by_audience: dict[str, Minted]
    by_destination: dict[int, Minted]
    first_ms: int | None  # of all links, whatever this is narrowed to


class _Of(msgspec.Struct, frozen=True):
    broadcast_no: int
    account: str
    broadcast_id: str
    filters: Filters


class MintedCounts:
    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self._counts: Shared[_Of, MintedLinks] = Shared(self._count, float("inf"), time.monotonic, MAX_KEPT)

    async def of(self, broadcast: Broadcast, filters: Filters = NONE) -> MintedLinks:
        """As of now; narrowed by those of the filters that choose links. Raises what ClickHouse raises."""
        of = _Of(broadcast.broadcast_no, broadcast.account, broadcast.broadcast_id, of_links(filters))
        counted = await self._clickhouse.body(MINTED_STATE, **_parameters(of))
        # The version as well: one that was deleted and made again may have as many links as before.
        state = f"{broadcast.version} {sha256(counted).hexdigest()}"
        whole = await self._counts.get(msgspec.structs.replace(of, filters=NONE), state)
        if of.filters == NONE:
            return whole
        return msgspec.structs.replace(await self._counts.get(of, state), first_ms=whole.first_ms)

    async def _count(self, of: _Of) -> MintedLinks:
        rows = await self._clickhouse.rows(MINTED + narrowing(of.filters), Minted, **_parameters(of))
        whole = next((row for row in rows if row.list == "all"), NOTHING)
        return MintedLinks(
            whole,
            {row.audience: row for row in rows if row.list == "by_audience" and row.links},
            {row.destination_index: row for row in rows if row.list == "by_destination" and row.links},
            whole.first_ms,
        )


def _parameters(of: _Of) -> dict[str, object]:
    return {"no": of.broadcast_no, "account": of.account, "id": of.broadcast_id}
