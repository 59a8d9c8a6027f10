"""The order of the steps: read, decode, check, enrich, insert, acknowledge. No other file knows it."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress

from redis.exceptions import RedisError

from aggregator.backlog import Backlog
from aggregator.click_stream import NEW, PENDING, ClickStream
from aggregator.decode import Batch, Entry, Numbered, Span, decode
from aggregator.enrich import Enricher
from aggregator.insert import Writer
from aggregator.leases import LEASE_S, RENEW_S, Lanes, LeaseLost, OwnedLane
from aggregator.rows import arrow_stream
from records.click import LaneState
from records.keys import lane_name
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable
from runtime.histogram import Histogram

FULL_BATCH = 10_000  # clicks; below it the next round waits, so that parts are few
ROUND_S = 0.5
HOLD_EVERY_S = 1.0
DELAYS_S = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)

log = logging.getLogger(__name__)


class Pipeline:
    """Moves clicks of all lanes it owns, one batch at a time."""

    def __init__(self, stream: ClickStream, lanes: Lanes, enricher: Enricher, writer: Writer) -> None:
        self._stream, self._lanes, self._enricher, self._writer = stream, lanes, enricher, writer
        self._stopping = asyncio.Event()
        self._held_at = 0.0
        self.batches = 0
        self.failures = 0
        self.leases_lost = 0
        self.clicks_lost = 0  # answered, and in no spool when their lane was over
        self.moved_at = time.time()  # when the streams were last found empty or a batch was acknowledged
        self.delays = Histogram(DELAYS_S)  # from a tap to its row; of each batch that of its oldest click
        self.backlog = Backlog()

    def stop(self) -> None:
        """Finish the batch in hand, then return from run()."""
        self._stopping.set()

    async def run(self) -> None:
        """Move batches until stopped. Outages are waited out; what was in doubt is looked up again."""
        pause_s = 0.1
        while not self._stopping.is_set():
            try:
                moved = await self.move_one_batch()
                pause_s = 0.1
                if moved < FULL_BATCH and not self._stream.has_more:
                    await self._rest(ROUND_S)
            except LeaseLost as error:
                self.leases_lost += 1
                log.warning("a lease was lost, its clicks are left to the new owner", extra={"lane": str(error)})
                self._recover_all()
            except (RedisError, ClickHouseRefused, ClickHouseUnreachable, OSError) as error:
                self.failures += 1
                log.warning("clicks wait", extra={"error": str(error)[:300]})
                await self._lanes.leave_replica(error)
                self._recover_all()
                await self._rest(pause_s)
                pause_s = min(pause_s * 2, 5.0)
        # Without Redis the leases run out by themselves, as without ClickHouse, where an insert may still be under way.
        with suppress(RedisError, ClickHouseRefused, ClickHouseUnreachable):
            await self._writer.wait_out()
            await self._lanes.leave()

    async def move_one_batch(self) -> int:
        """Move one batch from the streams into ClickHouse; gives its clicks.

        Acknowledges only after every insert has returned: a crash before that line repeats entries, and repeated
        entries are checked against the table. Whatever is raised, nothing is lost or doubled; recover afterwards.
        """
        await self._hold()
        owned = self._ready_lanes()
        entries, unopened = await self._stream.read(list(owned), NEW)
        if unopened:  # streams that are new, or were lost and are written again from the last settled click
            await self._stream.open(unopened)
            entries += (await self._stream.read(unopened))[0]
        return await self._move(entries)

    async def _move(self, entries: list[Entry]) -> int:
        if not entries:
            self.moved_at = time.time()
            return 0
        lanes = {entry.lane for entry in entries}
        self._lanes.check_held(lanes)
        owned = {lane: self._lanes.owned[lane] for lane in lanes}  # a lease may go while this batch is on its way
        batch = await self._only_missing(decode(entries, {lane: one.settled for lane, one in owned.items()}), owned)
        received_at_ms = time.time_ns() // 1_000_000
        salts = await self._enricher.salts(batch.clicks)

        def rows_of(clicks: Sequence[Numbered], before: int) -> bytes:
            return arrow_stream(clicks, self._enricher.enrich(clicks, salts), received_at_ms, before)

        await self._writer.insert_clicks(batch.clicks, rows_of, self._lanes.check_held)
        await self._writer.insert_dead(batch.dead, received_at_ms, self._lanes.check_held)
        self._lanes.check_held(lanes)
        settled = {lane: _settled_after(owned[lane], batch.spans) for lane in lanes}
        await self._stream.ack(_last_seqs(entries), settled)
        self._acknowledged(batch, settled, owned)
        for lane in lanes:
            await self._mend_hole(owned[lane])
        return len(batch.clicks)

    async def _only_missing(self, batch: Batch, owned: dict[int, OwnedLane]) -> Batch:
        """Leave out what the table has. Free in the steady state: nothing lies at or below the floor of its lane."""
        repeated = [span for span in batch.spans if span.first_seq <= owned[span.lane].floor]
        if not repeated:
            return batch
        present = await self._writer.present(repeated)
        return Batch(
            [one for one in batch.clicks if (one.lane, one.seq) not in present],
            [one for one in batch.dead if (one.lane, one.seq) not in present],
            batch.spans,
        )

    def _acknowledged(self, batch: Batch, settled: dict[int, int], owned: dict[int, OwnedLane]) -> None:
        for span in batch.spans:
            owned[span.lane].floor = max(owned[span.lane].floor, span.last_seq)
        for lane, seq in settled.items():
            owned[lane].settled = seq
        self.moved_at = time.time()
        if batch.clicks:
            self.batches += 1
            oldest_ms = min(one.click.clicked_at_ms for one in batch.clicks)
            self.delays.observe(max(self.moved_at - oldest_ms / 1000, 0.0), len(batch.clicks))

    async def _mend_hole(self, lane: OwnedLane) -> None:
        """Clicks came while earlier ones of their lane did not: have the edge send again from the last settled one.

        Asked once for a hole: an edge whose disk is gone cannot, and the audit goes on telling of it.
        """
        if lane.settled < lane.floor and lane.reset_at != lane.settled:
            lane.reset_at = lane.settled
            log.warning("clicks are missing, the edge is asked to send again", extra={"behind": lane.settled})
            await self._stream.reset(lane.lane)

    async def _hold(self) -> None:
        """Renew, take, share and recover lanes, and end those that are over; about once a second."""
        now = time.monotonic()
        if now - self._held_at >= HOLD_EVERY_S or not self._lanes.owned:
            await self._lanes.hold()
            await self._lanes.redis_run.look()  # from the moment that it is another one it counts as known
            if surplus := self._lanes.surplus():
                await self._hand_over(surplus)
            for owned, state in self._lanes.ended():
                await self._end(owned, state)
            # Again and again: Redis may have lost it, and no batch may come that would publish it.
            await self._stream.publish(_settled([one for one in self._lanes.owned.values() if one.recovered]))
            entries = await self._stream.entries(self._lanes.owned)
            self.backlog.look(entries, self._lanes.owned, self._lanes.states, time.time())
            self._held_at = now
        new = [owned for owned in self._lanes.owned.values() if not owned.recovered]
        if new:
            await self._recover(new)

    async def _hand_over(self, lanes: list[OwnedLane]) -> None:
        """Between batches all that was sent for a recovered lane is confirmed, so its next owner has nothing to end."""
        await self._writer.wait_out()
        await self._lanes.hand_over(lanes)
        log.info("lanes handed over", extra={"lanes": len(lanes), "left": len(self._lanes.owned)})

    async def _end(self, owned: OwnedLane, state: LaneState) -> None:
        if state.spooled:
            await self._writer.end_lane(owned.lane, state)
        if (lost := state.answered - state.spooled) > 0:
            log.error("clicks that were answered are lost", extra={"lane": lane_name(owned.lane), "clicks": lost})
            await self._writer.lose(owned.lane, state)
            self.clicks_lost += lost
        await self._lanes.forget(owned.lane)

    async def _recover(self, lanes: list[OwnedLane]) -> None:
        """Take over where the last owner stopped: end what it may still be inserting, then ask the table."""
        await self._writer.wait_out()
        # This process held those it signed all the while: nobody else can have written for them.
        if any(not one.is_signed for one in lanes):
            await self._outlast_lost_leases()
        for owner in await self._lanes.previous_owners(lanes):
            await self._writer.kill(f"clicks:{owner}:")
        await self._lanes.sign(lanes)
        await self._stream.open(one.lane for one in lanes)
        for owned in lanes:
            await self._ask_table(owned)
        # The former owner may have ended before it published this, and there may be nothing new to publish it with.
        await self._stream.publish(_settled(lanes))
        await self._move_pending([owned.lane for owned in lanes])

    async def _outlast_lost_leases(self) -> None:
        """Return when nobody can be inserting under a lease that this Redis does not have.

        It was emptied, or a replica took its place: an owner that lives may have sent an INSERT which it alone knows
        of, also for a lane without a row. It took its lease before this Redis was known, and its INSERTs have no later
        deadline than that; those that came in time are ended.
        """
        while not (known := await self._lanes.redis_run.look()).is_settled:
            if not await self._writer.has_begun():
                await self._writer.begin()
            elif (left_s := LEASE_S - known.for_s) > 0:
                log.warning("Redis lost leases, clicks wait until they would be over", extra={"in_s": left_s})
                await self._wait_leased(min(left_s, RENEW_S))
                continue
            else:
                await self._writer.kill("clicks:")
            await self._lanes.redis_run.settle(known)

    async def _wait_leased(self, seconds: float) -> None:
        """While the leases of this process are kept; raises LeaseLost when told to stop."""
        await self._rest(seconds)
        if self._stopping.is_set():
            raise LeaseLost("an unknown owner may still write")
        await self._lanes.renew()

    async def _ask_table(self, owned: OwnedLane) -> None:
        reached = await self._writer.reached(owned.lane)
        hint = min(await self._lanes.watermark(owned.lane), reached.last_seq)
        owned.floor = reached.last_seq
        owned.settled = await self._writer.settled(owned.lane, reached, hint)
        owned.recovered = True

    async def _move_pending(self, lanes: list[int]) -> None:
        """What a former owner had read and not acknowledged."""
        while lanes:
            entries, _ = await self._stream.read(lanes, PENDING)
            await self._move(entries)
            lanes = sorted({entry.lane for entry in entries})

    def _ready_lanes(self) -> list[int]:
        return [lane for lane, owned in self._lanes.owned.items() if owned.recovered]

    def _recover_all(self) -> None:
        for owned in self._lanes.owned.values():
            owned.recovered = False

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _settled(lanes: list[OwnedLane]) -> dict[int, int]:
    return {one.lane: one.settled for one in lanes if one.settled}


def _settled_after(owned: OwnedLane, spans: list[Span]) -> int:
    settled = owned.settled
    for span in spans:
        if span.lane == owned.lane and span.first_seq <= settled + 1:
            settled = max(settled, span.last_seq)
    return settled


def _last_seqs(entries: list[Entry]) -> dict[int, list[int]]:
    by_lane: dict[int, list[int]] = {}
    for entry in entries:
        by_lane.setdefault(entry.lane, []).append(entry.last_seq)
    return by_lane
