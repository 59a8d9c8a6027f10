"""The order of the steps: read, decode, leave out, enrich, insert, acknowledge. No other file knows it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from redis.exceptions import RedisError

from aggregator.decode import Batch, Entry, decode
from aggregator.insert import Inserter
from aggregator.insertable import RowMaker
from aggregator.leases import Leases
from aggregator.owned_lane import LeaseLost, OwnedLane
from aggregator.progress import Progress
from aggregator.stores import NEW, PENDING, AggregatorStores
from aggregator.takeover import Takeover
from aggregator.upkeep import Upkeep
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from runtime.clock import Clock

FULL_BATCH = 10_000  # clicks; below it the next round waits, so that parts are few
ROUND_S = 0.5

log = logging.getLogger(__name__)


class Pipeline:
    """Moves clicks of all lanes it owns, one batch at a time. stopping: set when this process stops."""

    def __init__(
        self,
        stores: AggregatorStores,
        leases: Leases,
        upkeep: Upkeep,
        takeover: Takeover,
        row_maker: RowMaker,
        inserter: Inserter,
        clock: Clock,
        stopping: asyncio.Event,
    ) -> None:
        self._stream, self._tables = stores.stream, stores.tables
        self._leases, self._upkeep, self._takeover = leases, upkeep, takeover
        self._row_maker, self._inserter = row_maker, inserter
        self._clock, self._stopping = clock, stopping
        self.progress = Progress(clock)

    async def run(self) -> None:
        """Move batches until stopped. Outages are waited out; what was in doubt is looked up again."""
        pause_s = 0.1
        while not self._stopping.is_set():
            try:
                moved = await self.move_one_batch()
                pause_s = 0.1
                if moved < FULL_BATCH and not self._stream.has_more:
                    await self._clock.rest(ROUND_S, until=self._stopping)
            except LeaseLost as error:
                self.progress.leases_lost += 1
                log.warning("lease_lost: leaving the clicks to the new owner of the lane", extra={"lane": str(error)})
                self._leases.doubt_all()
            except (RedisError, ClickHouseRefused, ClickHouseUnreachable, OSError) as error:
                self.progress.failures += 1
                log.warning(
                    "insert_deferred: a store is unavailable; clicks stay in the stream",
                    extra={"error": str(error)[:300]},
                )
                self._leases.doubt_all()
                await self._leases.follow(error)
                await self._clock.rest(pause_s, until=self._stopping)
                pause_s = min(pause_s * 2, 5.0)
        # Without Redis the leases run out by themselves, as without ClickHouse, where an insert may still be under way.
        with suppress(RedisError, ClickHouseRefused, ClickHouseUnreachable):
            await self._takeover.leave()

    async def move_one_batch(self) -> int:
        """Move one batch from the streams into ClickHouse; gives its clicks.

        Acknowledges only after every insert has returned: a crash before that line repeats entries, and repeated
        entries are checked against the table. Whatever is raised, nothing is lost or doubled: doubt all lanes, go on.
        """
        await self._upkeep.run_when_due()
        if lanes := self._leases.unrecovered():
            await self._takeover.take(lanes)
            await self._move_pending([owned.lane for owned in lanes])
        moved = await self._move(await self._read_new())
        if not self._stream.has_more:
            await self._fill_holes()
        return moved

    async def _move_pending(self, lanes: list[int]) -> None:
        """What a former owner had read and not acknowledged."""
        while lanes:
            entries, _ = await self._stream.read(lanes, PENDING)
            await self._move(entries)
            lanes = sorted({entry.lane for entry in entries})

    async def _read_new(self) -> list[Entry]:
        entries, unopened = await self._stream.read([owned.lane for owned in self._leases.recovered()], NEW)
        if unopened:  # streams that are new, or were lost and are written again from the last settled click
            await self._stream.open(unopened)
            entries += (await self._stream.read(unopened, NEW))[0]
        return entries

    async def _move(self, entries: list[Entry]) -> int:
        if not entries:
            self.progress.nothing_to_move()
            return 0
        lanes = self._leases.held({entry.lane for entry in entries})
        batch = decode(entries, {lane: owned.settled for lane, owned in lanes.items()})
        batch = await self._without_present(batch, lanes)
        for rows in await self._row_maker.rows_of(batch, self._clock.unix_ms()):
            await self._inserter.insert(rows)
        await self._acknowledge(entries, batch, lanes)
        self.progress.moved(batch.clicks)
        return len(batch.clicks)

    async def _without_present(self, batch: Batch, lanes: Mapping[int, OwnedLane]) -> Batch:
        """Leave out what the tables have. Free in the steady state: nothing lies at or below the floor of its lane."""
        repeated = [span for span in batch.spans if span.first_seq <= lanes[span.lane].floor]
        if not repeated:
            return batch
        self.progress.verifications += 1
        present = await self._tables.present(repeated)
        return Batch(
            [click for click in batch.clicks if (click.lane, click.seq) not in present],
            [click for click in batch.dead if (click.lane, click.seq) not in present],
            batch.spans,
        )

    async def _acknowledge(self, entries: list[Entry], batch: Batch, lanes: Mapping[int, OwnedLane]) -> None:
        self._leases.held(lanes)
        last_seqs: dict[int, list[int]] = {lane: [] for lane in lanes}
        for entry in entries:
            last_seqs[entry.lane].append(entry.last_seq)
        await self._stream.ack(last_seqs, {lane: owned.settled_after(batch.spans) for lane, owned in lanes.items()})
        for owned in lanes.values():
            owned.acknowledge(batch.spans)

    async def _fill_holes(self) -> None:
        """Look again for clicks that are missing before others of their lane, then have the edge send them again.

        Only when the streams are read to their ends: what an edge sent that is gone with its disk is nowhere else.
        """
        for owned in self._leases.recovered():
            if owned.wants_second_look():
                owned.doubt()
            elif owned.wants_resend():
                log.warning(
                    "resend_requested: clicks are missing before some that came; asking the edge for them",
                    extra={"behind": owned.settled},
                )
                await self._stream.reset(owned.lane)
