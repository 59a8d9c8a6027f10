"""What the owner of lanes does about once a second, between batches."""

import math
from collections.abc import Mapping

from aggregator.backlog import Backlog
from aggregator.leases import Leases
from aggregator.stores import AggregatorStores, Held
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

    async def run_when_due(self, in_hand: Mapping[int, int]) -> None:
        """Renew, acquire and share lanes, end those that are over, and publish how far each is.

        in_hand: by lane, the entries that this process has read and not acknowledged.
        """
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
        held = await self._stores.stream.held(self._leases.owned)
        entries = sum(each.entries for each in held.values())
        self.backlog.sample(entries, self._leases.owned, self._leases.reports, self._clock.unix_s())
        self._doubt_unacknowledged(held, in_hand)
        await self._hand_over_unregistered(held)
        self._done_at = now

    def _doubt_unacknowledged(self, held: Mapping[int, Held], in_hand: Mapping[int, int]) -> None:
        """Between batches all that this process has read is acknowledged, or in hand.

        What else is pending was given to a reader that is gone: a former owner that woke up late, or a call of this
        process over a connection that it gave up. The lane is taken over again, and what is pending with it.
        """
        for owned in self._leases.recovered():
            if owned.lane in held and held[owned.lane].pending > in_hand.get(owned.lane, 0):
                owned.doubt()

    async def _hand_over_unregistered(self, held: Mapping[int, Held]) -> None:
        """Lanes that ended, and whose end Redis has lost: else they would count as a part of the share for ever."""
        gone = [owned for owned in self._leases.unregistered() if owned.lane in held and not held[owned.lane].entries]
        if gone:
            await self._takeover.hand_over(gone)
