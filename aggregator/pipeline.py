"""The order of the steps: read, decode, make rows, leave out, insert, acknowledge. No other file knows it.

While one batch is inserted the next is read, decoded and made rows, so that ClickHouse and this process work at once.
One INSERT is under way at most, and what was read ahead is only pending in its stream: where its lane is lost or in
doubt meanwhile, it is left there for the takeover that reads it again.
"""

import asyncio
import logging
from collections import Counter
from contextlib import suppress

from redis.exceptions import RedisError

from aggregator.insert import Inserter
from aggregator.intake import Intake, Taken
from aggregator.leases import Leases
from aggregator.owned_lane import LeaseLost, OwnedLane
from aggregator.progress import Progress
from aggregator.stores import AggregatorStores
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
        intake: Intake,
        inserter: Inserter,
        clock: Clock,
        stopping: asyncio.Event,
    ) -> None:
        self._stream, self._tables = stores.stream, stores.tables
        self._leases, self._upkeep, self._takeover = leases, upkeep, takeover
        self._intake, self._inserter = intake, inserter
        self._clock, self._stopping = clock, stopping
        self._ahead: Taken | None = None  # read while the batch before it was inserted
        self.progress = Progress(clock)

    async def run(self) -> None:
        """Move batches until stopped. Outages are waited out; what was in doubt is looked up again."""
        pause_s = 0.1
        while not self._stopping.is_set():
            try:
                moved = await self.move_one_batch()
                pause_s = 0.1
                if moved < FULL_BATCH and self.is_at_end:
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
        ahead, self._ahead = self._ahead, None
        await self._upkeep.run_when_due(_entries_by_lane(ahead))
        if ahead:
            ahead = await self._still_owned(ahead)
        if lanes := self._leases.unrecovered():
            await self._takeover.take(lanes)
            await self._move_pending(lanes)
        moved = await self._move_while_reading_on(ahead or await self._intake.new(self._leases.recovered()))
        if self.is_at_end:
            await self._fill_holes()
        return moved

    @property
    def is_at_end(self) -> bool:
        """Whether the streams are read to their ends, and moved."""
        return self._ahead is None and not self._stream.has_more

    async def _still_owned(self, ahead: Taken) -> Taken:
        """What was read ahead of lanes whose recovery still holds. Before any lane is recovered again."""
        lanes = [owned for owned in ahead.lanes.values() if owned.is_recovered]
        return ahead if len(lanes) == len(ahead.lanes) else await self._intake.only(ahead, lanes)

    async def _move_pending(self, lanes: list[OwnedLane]) -> None:
        """What a former owner had read and not acknowledged."""
        while lanes:
            taken = await self._intake.pending(lanes)
            await self._move(taken)
            lanes = list(taken.lanes.values())

    async def _move_while_reading_on(self, taken: Taken) -> int:
        if not self._stream.has_more or self._stopping.is_set():
            return await self._move(taken)
        reading = asyncio.create_task(self._intake.new(self._leases.recovered(), behind=taken))
        try:
            moved = await self._move(taken)
            ahead = await reading
            self._ahead = ahead if ahead.entries else None
            return moved
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _move(self, taken: Taken) -> int:
        if not taken.entries:
            self.progress.nothing_to_move()
            return 0
        taken = await self._without_present(taken)
        for part in taken.parts:
            await self._inserter.insert(part, taken.lanes.values())
        await self._acknowledge(taken)
        self.progress.moved(taken.batch.clicks)
        return len(taken.batch.clicks)

    async def _without_present(self, taken: Taken) -> Taken:
        """Leave out what the tables have. Free in the steady state: nothing lies at or below the floor of its lane."""
        batch = taken.batch
        repeated = [span for span in batch.spans if span.first_seq <= taken.lanes[span.lane].floor]
        if not repeated:
            return taken
        self.progress.verifications += 1
        present = await self._tables.present(repeated)
        return await self._intake.with_clicks(taken, batch.without(present))

    async def _acknowledge(self, taken: Taken) -> None:
        self._leases.held_until(taken.lanes.values())
        await self._stream.ack(taken.last_seqs(), taken.settled())
        spans = taken.spans()
        for lane, owned in taken.lanes.items():
            owned.acknowledge(spans[lane])

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


def _entries_by_lane(ahead: Taken | None) -> Counter[int]:
    return Counter(entry.lane for entry in ahead.entries) if ahead else Counter()
