"""A batch as it is inserted: rows of one partition each, which know how to become the body of an INSERT."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import pyarrow as pa

from aggregator.clicks import Clicks, Identity
from aggregator.decode import Batch, DeadClick
from aggregator.enrich import Enriched, Enricher
from aggregator.erased import ErasedLinks, without_person
from aggregator.rows import INSERT_CLICKS, arrow_stream, body_of, by_partition, columns_of
from aggregator.salts import Salts
from records.tables import instant

_INSERT_DEAD = "INSERT INTO dead_clicks (lane, seq, reason, received_at, payload, insert_before) FORMAT JSONEachRow"
_encoder = msgspec.json.Encoder()


class Identified(Protocol):
    """A row with its identity."""

    @property
    def lane(self) -> int: ...

    @property
    def seq(self) -> int: ...


R = TypeVar("R", bound=Identified)


class Insertable(Protocol[R]):
    """Rows of one partition: an INSERT of some of them is one part, all or none."""

    @property
    def table(self) -> str: ...

    @property
    def statement(self) -> str: ...

    @property
    def rows(self) -> Sequence[R]: ...

    def only(self, rows: Sequence[R]) -> "Insertable[R]":
        """Some of them."""

    async def body(self, before: int) -> bytes:
        """What is sent behind the statement; before: the second, by the server's clock, before which it takes effect.

        Called again when rows are sent again. What takes long and does not depend on that second is done before.
        """


class RowMaker(Protocol):
    """What makes rows of clicks."""

    async def rows_of(self, batch: Batch, received_at_ms: int) -> list[Insertable[Any]]:
        """All clicks and dead letters of a batch; raises redis.RedisError when salts cannot be read."""


class ClickRows:
    """Clicks of one month."""

    table = "clicks"
    statement = INSERT_CLICKS

    def __init__(
        self,
        rows: Clicks,
        enricher: Enricher,
        erased: ErasedLinks,
        salts: Mapping[int, bytes],
        received_at_ms: int,
    ) -> None:
        self.rows = rows
        self._enricher, self._erased = enricher, erased
        self._salts, self._received_at_ms = salts, received_at_ms
        self._found_out: tuple[Enriched, pa.RecordBatch] | None = None

    async def find_out(self) -> None:
        """Do ahead of time what a body needs of every row."""
        self._found_out = await asyncio.to_thread(self._find_out)  # leases are renewed and an INSERT sent meanwhile

    def only(self, rows: Sequence[Identity]) -> "ClickRows":
        return ClickRows(self.rows.only({*rows}), self._enricher, self._erased, self._salts, self._received_at_ms)

    async def body(self, before: int) -> bytes:
        tokens = await self._erased.tokens_for(self.rows)  # each time: an erasure does not wait for rows that wait
        return await asyncio.to_thread(self._body, before, tokens)

    def _find_out(self) -> tuple[Enriched, pa.RecordBatch]:
        found = self._enricher.enrich(self.rows, self._salts)
        return found, columns_of(self.rows, found, self._received_at_ms)

    def _body(self, before: int, tokens: dict[int, str]) -> bytes:
        found, columns = self._found_out or self._find_out()
        if not tokens:
            return body_of(columns, before)
        kept, found = without_person(self.rows, found, tokens)
        return arrow_stream(kept, found, self._received_at_ms, before)


class DeadRows:
    """Clicks that did not decode."""

    table = "dead_clicks"
    statement = _INSERT_DEAD

    def __init__(self, rows: Sequence[DeadClick], received_at_ms: int) -> None:
        self.rows = rows
        self._received_at_ms = received_at_ms

    def only(self, rows: Sequence[DeadClick]) -> "DeadRows":
        return DeadRows(rows, self._received_at_ms)

    async def body(self, before: int) -> bytes:
        return b"\n".join(_encoder.encode(self._row(click, before)) for click in self.rows)

    def _row(self, click: DeadClick, before: int) -> dict[str, object]:
        return {
            "lane": click.lane, "seq": click.seq, "reason": click.reason, "received_at": instant(self._received_at_ms),
            "payload": base64.b64encode(click.payload).decode(), "insert_before": before,
        }  # fmt: skip


class EnrichedRows:
    """Makes rows that say what was found out about each click."""

    def __init__(self, enricher: Enricher, salts: Salts, erased: ErasedLinks) -> None:
        self._enricher, self._salts, self._erased = enricher, salts, erased

    async def rows_of(self, batch: Batch, received_at_ms: int) -> list[Insertable[Any]]:
        salts = await self._salts.for_days(batch.clicks.days())
        clicks = by_partition(batch.clicks).values()
        made = [ClickRows(part, self._enricher, self._erased, salts, received_at_ms) for part in clicks]
        for rows in made:
            await rows.find_out()
        return [*made, *([DeadRows(batch.dead, received_at_ms)] if batch.dead else [])]
