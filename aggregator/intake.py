"""What happens to clicks before they are inserted: read from the streams, decoded, made rows. Changes no table."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aggregator.decode import Batch, Entry, Span, decode
from aggregator.insertable import Insertable, RowMaker
from aggregator.owned_lane import OwnedLane
from aggregator.stores import NEW, PENDING, ClickStream
from runtime.clock import Clock


class Taken(NamedTuple):
    """A batch that was read and is not in the tables."""

    entries: list[Entry]
    lanes: Mapping[int, OwnedLane]  # of its entries, as they were held when these were read
    batch: Batch
    parts: list[Insertable[Any]]  # all rows of the batch

    def last_seqs(self) -> dict[int, list[int]]:
        """The ids of its entries, by lane."""
        last_seqs: defaultdict[int, list[int]] = defaultdict(list)
        for entry in self.entries:
            last_seqs[entry.lane].append(entry.last_seq)
        return last_seqs

    def spans(self) -> dict[int, list[Span]]:
        """By lane, in the order of the stream."""
        spans: defaultdict[int, list[Span]] = defaultdict(list)
        for span in self.batch.spans:
            spans[span.lane].append(span)
        return spans

    def settled(self) -> dict[int, int]:
        """By lane, what `settled` will be when this batch is in the tables."""
        spans = self.spans()
        return {lane: owned.settled_after(spans[lane]) for lane, owned in self.lanes.items()}


class Intake:
    def __init__(self, stream: ClickStream, row_maker: RowMaker, clock: Clock) -> None:
        self._stream, self._row_maker, self._clock = stream, row_maker, clock

    async def new(self, lanes: Iterable[OwnedLane], behind: Taken | None = None) -> Taken:
        """A batch of what nobody has read. behind: the batch before it, which may be on its way to the tables."""
        by_number = {owned.lane: owned for owned in lanes}
        entries, unopened = await self._stream.read(list(by_number), NEW)
        if unopened:  # streams that are new, or were lost and are written again from the last settled click
            await self._stream.open(unopened)
            entries += (await self._stream.read(unopened, NEW))[0]
        return await self._taken(entries, by_number, behind.settled() if behind else {})

    async def pending(self, lanes: Iterable[OwnedLane]) -> Taken:
        """A batch of what a former owner had read and not acknowledged."""
        by_number = {owned.lane: owned for owned in lanes}
        entries, _ = await self._stream.read(list(by_number), PENDING)
        return await self._taken(entries, by_number, {})

    async def only(self, taken: Taken, lanes: Iterable[OwnedLane]) -> Taken:
        """What of a batch is of these lanes; the other entries stay pending in the stream."""
        by_number = {owned.lane: owned for owned in lanes}
        entries = [entry for entry in taken.entries if entry.lane in by_number]
        return await self._taken(entries, by_number, {})

    async def with_clicks(self, taken: Taken, batch: Batch) -> Taken:
        """The same entries with other clicks to insert."""
        return taken._replace(batch=batch, parts=await self._row_maker.rows_of(batch, self._clock.unix_ms()))

    async def _taken(self, entries: list[Entry], lanes: Mapping[int, OwnedLane], settled: Mapping[int, int]) -> Taken:
        lanes = {lane: lanes[lane] for lane in {entry.lane for entry in entries}}
        known = {lane: settled.get(lane, owned.settled) for lane, owned in lanes.items()}
        batch = await asyncio.to_thread(decode, entries, known)  # so that an INSERT is sent meanwhile
        return await self.with_clicks(Taken(entries, lanes, batch, []), batch)
