"""The click streams in Redis, read and acknowledged; one round trip for all lanes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import redis.asyncio
from redis.exceptions import ResponseError

from aggregator.decode import Entry
from aggregator.stores import NEW, Held
from records.keys import ENTRY_FIELD, GROUP, WATERMARKS, click_stream, lane_name

CONSUMER = "owner"  # of every lane, whoever owns it: what a dead owner had read stays with the lane
# Over all lanes. An entry is at most 64 KiB, some 150 clicks, and a single click where few come.
ENTRIES_AT_ONCE, MOST_ENTRIES = 256, 2_048
MOST_BYTES = ENTRIES_AT_ONCE * 64 * 1024

_OPEN = "#!lua flags=allow-oom\nreturn redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0')"

# A watermark never goes back: a former owner may acknowledge late. Seqs are exact as Lua's numbers, up to 2^53.
_RAISE = """#!lua flags=allow-oom
for index = 1, #ARGV, 2 do
  local known = tonumber(redis.call('HGET', KEYS[1], ARGV[index]))
  if not known or known < tonumber(ARGV[index + 1]) then
    redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1])
  end
end
"""


# Trims what was read and acknowledged, up to ARGV[2]. A pending entry stays, and all behind it: only its reader knows
# whether it is in the tables, and that may be a former owner that woke up late.
_TRIM = """#!lua flags=allow-oom
local first = tonumber(ARGV[2]) + 1
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
if pending.err then return 0 end
if pending[1] > 0 then first = math.min(first, tonumber(string.match(pending[2], '^%d+'))) end
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', first))
"""


class RedisClickStream:
    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client
        self._at_once = ENTRIES_AT_ONCE
        self.has_more = False  # a lane had as many new entries as were asked for: others wait behind them

    async def open(self, lanes: Iterable[int]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for lane in lanes:
            pipe.eval(_OPEN, 1, click_stream(lane), GROUP)
        for reply in await pipe.execute(raise_on_error=False):
            known = isinstance(reply, ResponseError) and ("BUSYGROUP" in str(reply) or "key to exist" in str(reply))
            if isinstance(reply, Exception) and not known:
                raise reply

    async def read(self, lanes: list[int], which: str = NEW) -> tuple[list[Entry], list[int]]:
        count = max(1, self._at_once // max(len(lanes), 1))
        pipe = self._redis.pipeline(transaction=False)
        for lane in lanes:
            pipe.xreadgroup(GROUP, CONSUMER, {click_stream(lane): which}, count=count)
        entries: list[Entry] = []
        unopened: list[int] = []
        for lane, reply in zip(lanes, await pipe.execute(raise_on_error=False), strict=True):
            if _has_no_group(reply):
                unopened.append(lane)
            elif isinstance(reply, Exception):
                raise reply
            else:
                entries.extend(_entries(lane, reply))
        if which == NEW:
            self._adapt(entries, count)
        return entries, unopened

    def _adapt(self, entries: list[Entry], count: int) -> None:
        """Ask for more at once where lanes are many and entries small, and for less before they fill the memory."""
        self.has_more = max(Counter(entry.lane for entry in entries).values(), default=0) >= count
        size = sum(len(entry.frames or b"") for entry in entries)
        if size > MOST_BYTES:
            self._at_once = max(self._at_once // 2, ENTRIES_AT_ONCE)
        elif self.has_more and size < MOST_BYTES // 2:
            self._at_once = min(self._at_once * 2, MOST_ENTRIES)

    async def ack(self, last_seqs: Mapping[int, list[int]], settled: Mapping[int, int]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for lane, seqs in last_seqs.items():
            pipe.xack(click_stream(lane), GROUP, *(f"{seq}-0" for seq in seqs))
        if settled:
            pipe.eval(_RAISE, 1, WATERMARKS, *_fields(settled))
        for lane, seqs in last_seqs.items():
            pipe.eval(_TRIM, 1, click_stream(lane), GROUP, max(seqs))
        await pipe.execute()

    async def publish(self, settled: Mapping[int, int]) -> None:
        if settled:
            await self._redis.eval(_RAISE, 1, WATERMARKS, *_fields(settled))

    async def held(self, lanes: Iterable[int]) -> dict[int, Held]:
        lanes = list(lanes)
        pipe = self._redis.pipeline(transaction=False)
        for lane in lanes:
            pipe.xlen(click_stream(lane))
            pipe.xpending(click_stream(lane), GROUP)
        replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and not _has_no_group(reply):
                raise reply
        return {
            lane: Held(entries, 0 if isinstance(pending, Exception) else pending["pending"])
            for lane, entries, pending in zip(lanes, replies[::2], replies[1::2], strict=True)
        }

    async def reset(self, lane: int) -> None:
        await self._redis.delete(click_stream(lane))


def _has_no_group(reply: Any) -> bool:
    return isinstance(reply, ResponseError) and "NOGROUP" in str(reply)


def _fields(settled: Mapping[int, int]) -> list[str | int]:
    return [value for lane, seq in settled.items() for value in (lane_name(lane), seq)]


def _entries(lane: int, reply: Any) -> Iterable[Entry]:
    """RESP3 answers a map stream -> [entries], RESP2 a list of [stream, entries]; nothing new is None or empty."""
    if not reply:
        return
    streams = reply.values() if isinstance(reply, dict) else [item[1] for item in reply]
    for stream in streams:
        for entry_id, fields in _flat(stream):
            yield Entry(lane, int(bytes(entry_id).partition(b"-")[0]), (fields or {}).get(ENTRY_FIELD))


def _flat(stream: Any) -> Any:
    # redis-py wraps the entries of a RESP3 answer in one more list.
    if len(stream) == 1 and isinstance(stream[0], list):
        return stream[0]
    return stream
