"""Which lanes this aggregator owns: found in Redis, held by leases, shared with the other aggregators."""

import asyncio
import logging
import random
import time
from typing import cast

import redis.asyncio

from aggregator.fair_share import Share
from aggregator.redis_epoch import RedisRun
from records.click import LaneState
from records.keys import LANES, OWNERS, WATERMARKS, click_stream, lane_name, lease_key
from records.lane_registry import is_silent, states_in, watermark_in
from runtime.redis_client import leave_replica

LEASE_S = 8.0
RENEW_S = 2.0

# allow-oom: whoever empties the streams is the one who may write while memory is full; it is full of clicks, perhaps.
# Renews a lease, or takes it where nobody holds it; says, where a field is named, who writes for the lane, again and
# again, for a Redis that may have lost it. 0: another aggregator holds it.
_HOLD = """#!lua flags=allow-oom
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[3], ARGV[1]) end
return 1
"""
# Ends a lease that is still held and, where the owner is sure of it, says that nobody writes for the lane any more.
_RELEASE = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then redis.call('HDEL', KEYS[2], ARGV[2]) end
return redis.call('DEL', KEYS[1])
"""

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another aggregator may own the lane by now: nothing may be written for it any more."""


class OwnedLane:
    """What this aggregator knows of a lane it owns."""

    def __init__(self, lane: int, held_until: float) -> None:
        self.lane = lane
        self.held_until = held_until  # clock of time.monotonic
        self.is_signed = False  # this process was the last to write for it
        self.recovered = False  # what the table has is known, and nothing is under way to it between two batches
        self.floor = 0  # no row of the lane has a higher seq
        self.settled = 0  # every seq up to it is in ClickHouse
        self.reset_at = -1  # value of `settled` for which the edge was asked to send again


class Lanes:
    """Discovers, leases and gives back lanes. owner: this process, a name no other process has."""

    def __init__(self, client: redis.asyncio.Redis, owner: str) -> None:
        self._redis = client
        self._changing = asyncio.Lock()  # else a renewal under way would take again what is being given back
        self._share = Share(client, owner, life_s=LEASE_S)
        self.redis_run = RedisRun(client, owner)
        self.owner = owner
        self.owned: dict[int, OwnedLane] = {}
        self.states: dict[int, LaneState] = {}
        self._read_at_ms = 0

    async def hold(self) -> None:
        """Look for lanes, renew the leases held, and take lanes that are free up to the fair share."""
        registered = await self._redis.hgetall(LANES)
        self.states = states_in(registered)
        if unread := len(registered) - len(self.states):
            log.warning("registrations of lanes cannot be read", extra={"records": unread})
        self._read_at_ms = time.time_ns() // 1_000_000
        await self.renew()
        # A lane that is owned stays so when its registration is lost: its edge writes it again within a second.
        self._share.update(len(self.states.keys() | self.owned.keys()), len(self.owned))
        if (room := self._share.lanes - len(self.owned)) > 0 and (free := await self._free()):
            async with self._changing:
                await self._lease(random.sample(free, min(room, len(free))))

    async def _free(self) -> list[int]:
        """Lanes that nobody holds, at the moment of asking."""
        others = list(self.states.keys() - self.owned.keys())
        pipe = self._redis.pipeline(transaction=False)
        for lane in others:
            pipe.exists(lease_key(lane))
        return [lane for lane, held in zip(others, await pipe.execute(), strict=True) if not held]

    async def renew(self) -> None:
        """Renew the leases of the lanes owned; those that somebody else holds are owned no longer."""
        async with self._changing:
            await self._share.beat()
            now = time.monotonic()
            # A lease that lapsed, in a pause of this process or of Redis: another may have written since. Begin anew.
            self.owned = {lane: owned for lane, owned in self.owned.items() if owned.held_until > now}
            await self._lease(list(self.owned))

    async def _lease(self, lanes: list[int]) -> None:
        started = time.monotonic()
        pipe = self._redis.pipeline(transaction=False)
        for lane in lanes:
            signed = lane in self.owned and self.owned[lane].is_signed
            field = lane_name(lane) if signed else ""
            pipe.eval(_HOLD, 2, lease_key(lane), OWNERS, self.owner, int(LEASE_S * 1000), field)
        for lane, held in zip(lanes, await pipe.execute(), strict=True):
            if not held:
                self.owned.pop(lane, None)
            elif lane in self.owned:
                self.owned[lane].held_until = started + LEASE_S
            else:
                self.owned[lane] = OwnedLane(lane, started + LEASE_S)

    def surplus(self) -> list[OwnedLane]:
        """Lanes to hand over to aggregators that have fewer; those whose state is sure, the last taken first."""
        return [owned for owned in reversed(self.owned.values()) if owned.recovered][: self._share.surplus]

    async def previous_owners(self, lanes: list[OwnedLane]) -> set[str]:
        """Who wrote for any of these lanes last and may still do, as far as this Redis knows."""
        values = cast(list[bytes | None], await self._redis.hmget(OWNERS, [lane_name(one.lane) for one in lanes]))
        return {value.decode() for value in values if value}

    async def sign(self, lanes: list[OwnedLane]) -> None:
        """Say that this process writes for these lanes from now on; raises LeaseLost where it may not."""
        async with self._changing:
            self._check_kept(lanes)  # else one that was lost would be taken anew, without being recovered
            for one in lanes:
                one.is_signed = True
            await self._lease([one.lane for one in lanes])
        self._check_kept(lanes)

    def _check_kept(self, lanes: list[OwnedLane]) -> None:
        for one in lanes:
            if self.owned.get(one.lane) is not one:
                raise LeaseLost(f"lane {lane_name(one.lane)}")

    async def watermark(self, lane: int) -> int:
        """How far the lane is in the table, as last published; a hint, never too high."""
        return watermark_in(await self._redis.hget(WATERMARKS, lane_name(lane)))

    def check_held(self, lanes: set[int]) -> float:
        """Until when all of these lanes are surely ours, by time.monotonic; raises LeaseLost when one is not now."""
        now = time.monotonic()
        until = now + LEASE_S
        for lane in lanes:
            owned = self.owned.get(lane)
            if owned is None or owned.held_until <= now:
                raise LeaseLost(f"lane {lane_name(lane)}")
            until = min(until, owned.held_until)
        return until

    def ended(self) -> list[tuple[OwnedLane, LaneState]]:
        """Owned lanes that get no more clicks and are wholly in ClickHouse."""
        return [
            (owned, state)
            for lane, owned in self.owned.items()
            if owned.recovered
            and (state := self.states.get(lane)) is not None
            and state.ended
            and owned.settled >= state.spooled
        ]

    def silent(self) -> int:
        """How many lanes, whoever owns them, their edge had not reported for a minute at the last look."""
        return sum(1 for state in self.states.values() if is_silent(state, self._read_at_ms))

    async def forget(self, lane: int) -> None:
        """Take an ended lane out of Redis; its registration last, so that a crash in between is repeated."""
        name = lane_name(lane)
        pipe = self._redis.pipeline(transaction=False)
        pipe.delete(click_stream(lane), lease_key(lane))
        pipe.hdel(WATERMARKS, name)
        pipe.hdel(OWNERS, name)
        pipe.hdel(LANES, name)
        async with self._changing:  # else a renewal would sign for it again
            self.owned.pop(lane, None)
            await pipe.execute()

    async def leave(self) -> None:
        """Give all lanes to whoever comes next, at once."""
        await self.hand_over(list(self.owned.values()))
        await self._share.leave()

    async def hand_over(self, lanes: list[OwnedLane]) -> None:
        """Give back these lanes. Nothing that this process ever sent for them may still be under way."""
        async with self._changing:
            pipe = self._redis.pipeline(transaction=False)
            for one in lanes:
                name = lane_name(one.lane)
                pipe.eval(_RELEASE, 2, lease_key(one.lane), OWNERS, self.owner, name if one.recovered else "")
                self.owned.pop(one.lane, None)  # before it is sent: with no answer it is not known who has it
            await pipe.execute()

    async def leave_replica(self, error: Exception) -> None:
        await leave_replica(self._redis, error)

    async def keep_holding(self) -> None:
        """Renew leases in the background, so that a long insert does not lose them; until cancelled."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew()
            except redis.exceptions.RedisError as error:
                log.warning("leases could not be renewed", extra={"error": str(error)})
                await self.leave_replica(error)
