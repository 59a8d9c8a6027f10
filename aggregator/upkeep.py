"""What the owner of lanes does about once a second, between batches."""

import math

from aggregator.backlog import Backlog
from aggregator.leases import Leases
from aggregator.stores import AggregatorStores
from aggregator.takeover import Takeover, watermarks
from runtime.clock import Clock

UPKEEP_EVERY_S = 1.0


class Upkeep:
    def __init__(
        self,
        stores: AggregatorStores,
        leases: Leases,
        takeover: Takeover,
        clock: Clock,
        every_s: float = UPKEEP_EVERY_S,
    ) -> None:
        self._stores, self._leases, self._takeover, self._clock = stores, leases, takeover, clock
        self._every_s = every_s
        self._done_at = -math.inf
        self.backlog = Backlog()

    async def run_when_due(self) -> None:
        """Renew, acquire and share lanes, end those that are over, and publish how far each is."""
        now = self._clock.monotonic()
        if now - self._done_at < self._every_s and self._leases.owned:
            return
        await self._leases.renew_and_acquire()
        await self._stores.epochs.current()  # from the moment that it is another one it counts as known
        if surplus := self._leases.surplus():
            await self._takeover.hand_over(surplus)
        for owned, report in self._leases.over():
            await self._takeover.end(owned, report)
        # Again and again: Redis may have lost it, and no batch may come that would publish it.
        await self._stores.stream.publish(watermarks(self._leases.recovered()))
        entries = await self._stores.stream.entries(self._leases.owned)
        self.backlog.sample(entries, self._leases.owned, self._leases.reports, self._clock.unix_s())
        self._done_at = now
