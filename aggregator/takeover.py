"""Takes a lane over so that nobody else can insert for it, and gives it up with nothing left to end."""

import asyncio
import logging
from collections.abc import Iterable

from aggregator.insert import Inserter, query_prefix
from aggregator.leases import LEASE_S, RENEW_S, Leases
from aggregator.owned_lane import LeaseLost, OwnedLane
from aggregator.stores import AggregatorStores, Epoch
from records.keys import lane_name
from records.lane_registry import LaneReport
from runtime.clock import Clock

log = logging.getLogger(__name__)


class Takeover:
    """stopping: set when this process stops, which ends a wait for leases that Redis has lost."""

    def __init__(
        self, stores: AggregatorStores, leases: Leases, inserter: Inserter, clock: Clock, stopping: asyncio.Event
    ) -> None:
        self._stores, self._leases, self._inserter, self._clock = stores, leases, inserter, clock
        self._stopping = stopping
        self.clicks_lost = 0  # answered, and in no spool when their lane was over

    async def take(self, lanes: list[OwnedLane]) -> None:
        """Take over where the last owner stopped: end what it may still be inserting, then ask the tables.

        What it had read and not acknowledged stays pending in the stream. Raises LeaseLost.
        """
        await self._inserter.wait_out()
        # This process held those it fenced all the while: nobody else can have written for them.
        if not all(owned.is_fenced for owned in lanes):
            await self._outlast_lost_leases()
        for writer in await self._stores.leases.writers(owned.lane for owned in lanes):
            await self._stores.inserts.kill(query_prefix(writer))
        await self._leases.fence(lanes)
        await self._stores.stream.open(owned.lane for owned in lanes)
        for owned in lanes:
            await self._locate(owned)
        # The former owner may have ended before it published this, and there may be nothing new to publish it with.
        await self._stores.stream.publish(watermarks(lanes))

    async def hand_over(self, lanes: list[OwnedLane]) -> None:
        """Between batches all that was sent for a recovered lane is confirmed, so its next owner has nothing to end."""
        await self._inserter.wait_out()
        await self._leases.hand_over(lanes)
        log.info(
            "lanes_handed_over: gave lanes to other aggregators",
            extra={"lanes": len(lanes), "left": len(self._leases.owned)},
        )

    async def end(self, owned: OwnedLane, report: LaneReport) -> None:
        """Put a lane that is over into the books, and take it out of Redis."""
        if report.spooled:
            await self._stores.tables.end_lane(owned.lane, report)
        if (lost := report.answered - report.spooled) > 0:
            log.error(
                "clicks_lost: a lane is over with fewer clicks than it answered",
                extra={"lane": lane_name(owned.lane), "clicks": lost},
            )
            await self._stores.tables.record_loss(owned.lane, report)
            self.clicks_lost += lost
        await self._leases.forget(owned)

    async def leave(self) -> None:
        """Give all lanes to whichever aggregator comes next."""
        await self._inserter.wait_out()
        await self._leases.leave()

    async def _outlast_lost_leases(self) -> None:
        """Return when nobody can be inserting under a lease that this Redis does not have.

        It was emptied, or a replica took its place: an owner that lives may have sent an INSERT which it alone knows
        of, also for a lane without a row. It took its lease before this Redis was known, and its INSERTs have no later
        deadline than that; those that came in time are ended.
        """
        is_said = False
        while not (epoch := await self._stores.epochs.current()).is_confirmed:
            if not await self._stores.tables.has_first_insert():
                await self._stores.tables.mark_first_insert()
            elif (left_s := LEASE_S - epoch.known_for_s) > 0:
                if not is_said:
                    await self._say_why_it_waits(epoch, left_s)
                is_said = True
                await self._wait_leased(min(left_s, RENEW_S))
                continue
            else:
                await self._stores.inserts.kill(query_prefix(""))
            await self._stores.epochs.confirm(epoch)

    async def _say_why_it_waits(self, epoch: Epoch, left_s: float) -> None:
        """No warning where Redis was restarted with its data and every aggregator had given its lanes back."""
        if epoch.is_restart and not await self._stores.leases.writers(self._leases.reports):
            log.info("redis_restarted: waiting until earlier leases would have expired", extra={"in_s": left_s})
            return
        log.warning(
            "leases_lost: Redis was emptied or replaced; waiting until earlier leases would have expired",
            extra={"in_s": left_s},
        )

    async def _wait_leased(self, seconds: float) -> None:
        """While the leases of this process are kept; raises LeaseLost when the process stops."""
        await self._clock.rest(seconds, until=self._stopping)
        if self._stopping.is_set():
            raise LeaseLost("an unknown owner may still write")
        await self._leases.renew()

    async def _locate(self, owned: OwnedLane) -> None:
        tables = self._stores.tables
        extent = await tables.extent(owned.lane)
        hint = min(await self._stores.leases.watermark(owned.lane), extent.last_seq)
        owned.locate(extent.last_seq, await tables.contiguous_up_to(owned.lane, extent, hint))


def watermarks(lanes: Iterable[OwnedLane]) -> dict[int, int]:
    """Up to where each lane is known to be in the tables."""
    return {owned.lane: owned.settled for owned in lanes if owned.settled}
