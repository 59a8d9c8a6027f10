"""Which lanes this aggregator holds: leases acquired, renewed and given back, and its fair share of the lanes."""

import asyncio
import logging
import random
from collections.abc import Collection, Iterable

from redis.exceptions import RedisError

from aggregator.fair_share import FairShare
from aggregator.owned_lane import LeaseLost, OwnedLane
from aggregator.stores import LeaseStore
from records.keys import lane_name
from records.lane_registry import LaneReport, is_silent
from runtime.clock import Clock

LEASE_S = 8.0
RENEW_S = 2.0
UNREGISTERED_AFTER_S = 10.0  # an edge registers every lane once a second

log = logging.getLogger(__name__)


class Leases:
    """Acquires, renews and gives back the leases of lanes."""

    def __init__(self, store: LeaseStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._share = FairShare(clock)
        self._changing = asyncio.Lock()  # else a renewal under way would take again what is being given back
        self.owned: dict[int, OwnedLane] = {}
        self.reports: dict[int, LaneReport] = {}
        self._read_at_ms = 0

    async def renew_and_acquire(self) -> None:
        """Look for lanes, renew the leases held, and take free lanes up to the fair share."""
        self.reports, unreadable = await self._store.registered()
        if unreadable:
            log.warning("lane_reports_unreadable: ignoring reports that do not decode", extra={"records": unreadable})
        self._read_at_ms = self._clock.unix_ms()
        for lane in self.reports.keys() & self.owned.keys():
            self.owned[lane].register(self._clock.monotonic())
        await self.renew()
        # A lane that is owned stays so when its registration is lost: its edge writes it again within a second.
        self._share.update(len(self.reports.keys() | self.owned.keys()), len(self.owned))
        room = self._share.lanes - len(self.owned)
        if room > 0 and (free := await self._store.unleased(self.reports.keys() - self.owned.keys())):
            async with self._changing:
                await self._acquire(random.sample(free, min(room, len(free))))

    async def renew(self) -> None:
        """Renew the leases of the lanes owned; those that another aggregator holds are owned no longer."""
        async with self._changing:
            self._share.aggregators = await self._store.heartbeat()
            now = self._clock.monotonic()
            for owned in list(self.owned.values()):
                if owned.held_until <= now:  # in a pause of this process or of Redis; another may have written since
                    self._drop(owned)
            await self._renew()

    async def keep_renewing(self) -> None:
        """Renew leases in the background, so that a long insert does not lose them; until cancelled."""
        while True:
            await self._clock.sleep(RENEW_S)
            try:
                await self.renew()
            except RedisError as error:
                log.warning("lease_renewal_failed: could not renew the leases", extra={"error": str(error)})
                await self._store.follow(error)

    async def fence(self, lanes: Collection[OwnedLane]) -> None:
        """Say that this process writes for these lanes from now on; raises LeaseLost where it may not."""
        async with self._changing:
            self._check_owned(lanes)  # else one that was lost would be taken again, without being recovered
            for owned in lanes:
                owned.fence()
            await self._renew(lanes)
        self._check_owned(lanes)

    def held_until(self, lanes: Collection[OwnedLane]) -> float:
        """Until when all of these lanes are surely held, by Clock.monotonic.

        Raises LeaseLost when one is not held now, or was lost and acquired again: another may have written for it.
        """
        now = self._clock.monotonic()
        for owned in lanes:
            owned.check_held(now)
        return min((owned.held_until for owned in lanes), default=now + LEASE_S)

    def doubt_all(self) -> None:
        """A step failed: of no lane is it known what is in the tables, or on its way there."""
        for owned in self.owned.values():
            owned.doubt()

    def recovered(self) -> list[OwnedLane]:
        """Lanes of which batches may move."""
        return [owned for owned in self.owned.values() if owned.is_recovered]

    def unrecovered(self) -> list[OwnedLane]:
        """Lanes to be taken over first."""
        return [owned for owned in self.owned.values() if not owned.is_recovered]

    def surplus(self) -> list[OwnedLane]:
        """Lanes to hand over to aggregators that have fewer: recovered ones, the last acquired first."""
        return list(reversed(self.recovered()))[: self._share.surplus]

    def over(self) -> list[tuple[OwnedLane, LaneReport]]:
        """Lanes that get no more clicks and are wholly in ClickHouse."""
        return [
            (owned, report)
            for owned in self.recovered()
            if (report := self.reports.get(owned.lane)) is not None and report.ended and owned.settled >= report.spooled
        ]

    def unregistered(self) -> list[OwnedLane]:
        """Lanes that Redis does not name any more, and has not been told of again."""
        heard_of = self._clock.monotonic() - UNREGISTERED_AFTER_S
        return [owned for owned in self.recovered() if owned.registered_at < heard_of]

    def silent(self) -> int:
        """How many lanes, of all aggregators, their edge had not reported for a minute at the last look."""
        return sum(1 for report in self.reports.values() if is_silent(report, self._read_at_ms))

    async def forget(self, owned: OwnedLane) -> None:
        """Take a lane that is over out of Redis."""
        async with self._changing:  # else a renewal would write it again
            self._drop(owned)
            await self._store.forget(owned.lane)

    async def hand_over(self, lanes: Collection[OwnedLane]) -> None:
        """Give back these lanes. Nothing that this process ever sent for them may still be on its way."""
        async with self._changing:
            at_rest = {owned.lane: owned.is_recovered for owned in lanes}
            for owned in lanes:  # before it is sent: with no answer it is not known who holds them
                self._drop(owned)
            await self._store.release(at_rest)

    async def leave(self) -> None:
        """Give all lanes to whichever aggregator comes next, without delay."""
        await self.hand_over(list(self.owned.values()))
        await self._store.withdraw()

    async def follow(self, error: Exception) -> None:
        """See LeaseStore.follow."""
        await self._store.follow(error)

    async def _renew(self, lanes: Collection[OwnedLane] | None = None) -> None:
        lanes = list(self.owned.values()) if lanes is None else lanes
        asked_at = self._clock.monotonic()
        answers = await self._store.hold({owned.lane: owned.is_fenced for owned in lanes})
        answered_at = self._clock.monotonic()
        for owned, is_held in zip(lanes, answers, strict=True):
            if is_held and owned.held_until > answered_at:
                owned.renew(asked_at + LEASE_S)
                continue
            self._drop(owned)
            if is_held:  # but it had lapsed before the call arrived, perhaps: another may have held it, and written
                self.owned[owned.lane] = OwnedLane(owned.lane, owned.registered_at, asked_at + LEASE_S)

    async def _acquire(self, lanes: list[int]) -> None:
        now = self._clock.monotonic()
        answers = await self._store.hold(dict.fromkeys(lanes, False))
        for lane, is_held in zip(lanes, answers, strict=True):
            if is_held:
                self.owned[lane] = OwnedLane(lane, now, now + LEASE_S)

    def _drop(self, owned: OwnedLane) -> None:
        owned.end()
        self.owned.pop(owned.lane, None)

    def _check_owned(self, lanes: Iterable[OwnedLane]) -> None:
        for owned in lanes:
            if self.owned.get(owned.lane) is not owned:
                raise LeaseLost(f"lane {lane_name(owned.lane)}")
