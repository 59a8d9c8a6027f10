"""Which lanes this aggregator owns: found in Redis, held by leases."""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from typing import cast

import msgspec
import redis.asyncio

from records.click import LaneState
from records.keys import LANES, OWNERS, WATERMARKS, click_stream, lane_name, lease_key

LEASE_S = 8.0
RENEW_S = 2.0

# allow-oom: whoever empties the streams is the one who may write while memory is full; it is full of clicks, perhaps.
# Renews a lease, or takes it where nobody holds it. 0: another aggregator does.
_HOLD = """#!lua flags=allow-oom
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
SET_FIELDS = "#!lua flags=allow-oom\nreturn redis.call('HSET', KEYS[1], unpack(ARGV))"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another aggregator may own the lane by now: nothing may be written for it any more."""


class OwnedLane:
    """What this aggregator knows of a lane it owns."""

    def __init__(self, lane: int, held_until: float) -> None:
        self.lane = lane
        self.held_until = held_until  # clock of time.monotonic
        self.is_signed = False  # this process was the last to write for it
        self.recovered = False
        self.floor = 0  # no row of the lane has a higher seq
        self.settled = 0  # every seq up to it is in ClickHouse
        self.reset_at = -1  # value of `settled` for which the edge was asked to send again


def _readable(registered: dict[bytes, bytes]) -> Iterator[tuple[int, LaneState]]:
    """The lanes as their edges registered them; what no edge wrote is left alone."""
    for name, state in registered.items():
        try:
            yield int(name, 16), msgspec.json.decode(state, type=LaneState)
        except (ValueError, msgspec.DecodeError) as error:
            log.warning("a lane's registration cannot be read", extra={"lane": repr(name), "error": str(error)})


class Lanes:
    """Discovers, leases and gives back lanes. owner: this process, a name no other process has."""

    def __init__(self, client: redis.asyncio.Redis, owner: str) -> None:
        self._redis = client
        self.owner = owner
        self.owned: dict[int, OwnedLane] = {}
        self.states: dict[int, LaneState] = {}

    async def hold(self) -> list[OwnedLane]:
        """Look for lanes, renew the leases held and take those that are free; gives the newly owned."""
        registered = await self._redis.hgetall(LANES)
        self.states = dict(_readable(cast(dict[bytes, bytes], registered)))
        # A lane that is owned stays so when its registration is lost: its edge writes it again within a second.
        before = set(self.owned)
        await self.renew(self.states.keys() | before)
        return [owned for lane, owned in self.owned.items() if lane not in before]

    async def renew(self, lanes: Iterable[int]) -> None:
        """Renew or take the leases of these lanes; those that somebody else holds are owned no longer."""
        started = time.monotonic()
        for lane, owned in list(self.owned.items()):
            if owned.held_until <= started:
                # It lapsed, in a pause of this process or of Redis: another may have written since. Begin anew.
                del self.owned[lane]
        wanted = list(lanes)
        pipe = self._redis.pipeline(transaction=False)
        for lane in wanted:
            pipe.eval(_HOLD, 1, lease_key(lane), self.owner, int(LEASE_S * 1000))
        for lane, held in zip(wanted, await pipe.execute(), strict=True):
            if not held:
                self.owned.pop(lane, None)
            elif lane in self.owned:
                self.owned[lane].held_until = started + LEASE_S
            else:
                self.owned[lane] = OwnedLane(lane, started + LEASE_S)

    async def previous_owners(self, lanes: list[OwnedLane]) -> dict[int, str | None]:
        """Per lane, who wrote for it last; None where that is not known.

        It is not known either where it was said on another run of Redis: a replica that was promoted may lack the
        lease of an owner that lives and believes in it.
        """
        run = await self._run_of_redis()
        values = cast(list[bytes | None], await self._redis.hmget(OWNERS, [lane_name(one.lane) for one in lanes]))
        owners: dict[int, str | None] = {}
        for one, value in zip(lanes, values, strict=True):
            name, _, said_on = (value or b"").decode().partition(" ")
            owners[one.lane] = name if one.is_signed or said_on == run else None
        return owners

    async def sign(self, lanes: list[OwnedLane]) -> None:
        """Say that this process writes for these lanes from now on."""
        value = f"{self.owner} {await self._run_of_redis()}"
        fields = [text for one in lanes for text in (lane_name(one.lane), value)]
        await self._redis.eval(SET_FIELDS, 1, OWNERS, *fields)
        for one in lanes:
            one.is_signed = True

    async def _run_of_redis(self) -> str:
        """Another after every restart and failover (Redis docs, "Replication": replication ID)."""
        return str((await self._redis.info("replication"))["master_replid"])

    async def watermark(self, lane: int) -> int:
        """How far the lane is in the table, as last published; a hint, never too high."""
        value = await self._redis.hget(WATERMARKS, lane_name(lane))
        return int(value) if value is not None else 0

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

    async def forget(self, lane: int) -> None:
        """Take an ended lane out of Redis; its registration last, so that a crash in between is repeated."""
        name = lane_name(lane)
        pipe = self._redis.pipeline(transaction=False)
        pipe.delete(click_stream(lane), lease_key(lane))
        pipe.hdel(WATERMARKS, name)
        pipe.hdel(OWNERS, name)
        pipe.hdel(LANES, name)
        await pipe.execute()
        self.owned.pop(lane, None)

    async def release(self) -> None:
        """Give all lanes to whoever comes next, at once."""
        pipe = self._redis.pipeline(transaction=False)
        for lane in self.owned:
            pipe.eval(_RELEASE, 1, lease_key(lane), self.owner)
        await pipe.execute()
        self.owned.clear()

    async def keep_holding(self) -> None:
        """Renew leases in the background, so that a long insert does not lose them; until cancelled."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew(set(self.owned))
            except redis.exceptions.RedisError as error:
                log.warning("leases could not be renewed", extra={"error": str(error)})
