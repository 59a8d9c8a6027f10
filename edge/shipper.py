"""Sends a lane's spooled clicks to its Redis stream, in order and each once, and frees what is in ClickHouse.

The id of a stream entry is the seq of its last click: Redis refuses an id it already has, so sending again is
harmless. The stream's last id is the truth about what Redis has; after every doubt the reader goes back to it.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from typing import Any

import hiredis
import msgspec

from edge.recorder import Recorder
from edge.redis_connection import Command, RedisUnavailable
from edge.redis_wire import RedisWire
from edge.spool import Spool
from edge.spool_reader import Chunk, SpoolReader
from edge.stream_quota import MOST_BYTES, quota_from
from records.click import Frame, frames_in
from records.keys import ENTRY_FIELD, LANES, WATERMARKS, click_stream, lane_name
from records.lane_registry import LaneReport, watermark_in
from runtime.age_estimate import OldestAge

ENTRY_BYTES = 64 * 1024
ENTRIES_AT_ONCE = 16
LINGER_S = 0.02  # gathers the clicks of several event-loop ticks into few entries: Redis pays by the command
REPORT_S = 1.0

log = logging.getLogger(__name__)


class Shipper:
    """Moves one lane. `recorder` still appends to it; without one the lane ends when all is in ClickHouse."""

    def __init__(self, wire: RedisWire, spool: Spool, edge_id: str, recorder: Recorder | None = None) -> None:
        self._wire = wire
        self._spool = spool
        self._edge_id = edge_id
        self._recorder = recorder
        self._live = recorder is not None
        self._reader = SpoolReader(spool)
        self._stream = click_stream(spool.lane)
        self._name = lane_name(spool.lane)
        self._more = asyncio.Event()
        self._in_doubt = True
        self._connection = 0  # of the wire, on which the stream was looked at
        self._stream_exists = False
        self._reached = 0  # last seq that Redis had; of a lane left by a power cut that may be more than the disk has
        self._answered_before = 0  # what the dead process had reported
        self._unsettled: deque[tuple[int, int]] = deque()  # (last seq, bytes) of entries not known to be in ClickHouse
        self._unsettled_bytes = 0
        self.room_bytes = (
            MOST_BYTES  # what may be in Redis and not yet in ClickHouse; beyond it clicks wait on the disk
        )
        self.retries = 0  # times that Redis did not take what was sent
        self.shipped = 0
        self.settled = 0  # every click up to this seq is in ClickHouse
        self.resent = 0  # entries Redis refused because it had them
        self.ended = False
        self._waiting = OldestAge(spool.last_seq, spool.written_at_s)
        self._settling = OldestAge(spool.last_seq, spool.written_at_s)

    @property
    def spool_bytes(self) -> int:
        return self._spool.size

    def waiting_s(self, now_s: float) -> float:
        """Age of the oldest click that is not in Redis, at most; 0 for none."""
        return self._waiting.seconds(self.shipped, self.spooled, now_s)

    def unsettled_s(self, now_s: float) -> float:
        """The same of those that are not known to be in ClickHouse."""
        return self._settling.seconds(self.settled, self.spooled, now_s)

    @property
    def spooled(self) -> int:
        """Last seq of the lane that is in the spool, or was and got further."""
        return max(self._spool.last_seq, self._reached, self.settled)

    @property
    def answered(self) -> int:
        """Visits of this lane answered; of a dead process those that it reported or recorded."""
        return self._recorder.answered if self._recorder is not None else max(self.spooled, self._answered_before)

    @property
    def unrecorded(self) -> int:
        """Those of them that are lost."""
        return self._recorder.unrecorded if self._recorder is not None else self.answered - self.spooled

    @property
    def _holds_unspooled(self) -> bool:
        """Clicks wait in memory for room on the disk."""
        return self._recorder is not None and self._recorder.unspooled_bytes > 0

    def wake(self) -> None:
        """There is something new in the spool."""
        self._more.set()

    def finish(self) -> None:
        """No more clicks will be appended."""
        self._live = False
        self._more.set()

    def release(self) -> None:
        """Leave the lane to whoever looks for it next."""
        self._spool.close()

    async def run(self) -> None:
        """Ship until the lane has ended; outages are waited out."""
        loop = asyncio.get_running_loop()
        pause_s, report_at = 0.05, 0.0
        while not self.ended:
            self._waiting.sample(self.shipped, self.spooled, time.time())
            self._settling.sample(self.settled, self.spooled, time.time())
            try:
                if self._in_doubt:
                    await self._locate_cursor()
                shipped = await self._ship()
                pause_s = 0.05
                if loop.time() >= report_at:
                    report_at = loop.time() + REPORT_S
                    await self._settle_and_report()
                if not shipped:
                    await self._wait(report_at - loop.time())
            except (RedisUnavailable, hiredis.ReplyError, OSError) as error:
                if not isinstance(error, RedisUnavailable):
                    log.warning("clicks wait in the spool", extra={"error": str(error)})
                if "READONLY" in str(error):  # a replica by now: the name may lead to the one that took over
                    self._wire.drop()
                self._in_doubt = True
                self.retries += 1
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

    async def _wait(self, timeout_s: float) -> None:
        self._more.clear()
        if self._reader.seq < self._spool.last_seq and self._unsettled_bytes < self.room_bytes:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(timeout_s, 0.0) if self._live else min(max(timeout_s, 0.0), 0.1)):
                await self._more.wait()
        await asyncio.sleep(LINGER_S)

    async def _locate_cursor(self) -> None:
        """Go on behind the last click that Redis has, or that is in ClickHouse already."""
        self._connection = self._wire.connects
        await self._read_watermark()
        last = await self._last_id()
        if last > self._spool.last_seq and not await self._is_own(last):
            # An id this lane never gave: the stream is not what its process wrote. The aggregator checks every
            # seq against the table, so sending the lane again loses and doubles nothing.
            log.warning("a stream holds a foreign id, it is written anew", extra={"lane": self._name, "id": last})
            await self._wire.call("DEL", self._stream)
            last = 0
        if self._recorder is None:
            await self._read_former_report()
        self._reached = last
        self._stream_exists = last > 0
        start = max(last, self.settled)
        self._reader.rewind(start)
        self.shipped = start
        self._unsettled.clear()
        self._unsettled_bytes = 0
        if start > self.settled:  # still in the stream: it counts against the bound, or every reconnect would add to it
            self._unsettled_bytes = self._spool.bytes_between(self.settled, start)
            self._unsettled.append((start, self._unsettled_bytes))
        self._in_doubt = False

    async def _last_id(self) -> int:
        try:
            info = await self._wire.call("XINFO", "STREAM", self._stream)
        except hiredis.ReplyError as error:
            if "no such key" in str(error):
                return 0
            raise
        return int(bytes(info[b"last-generated-id"]).partition(b"-")[0])

    async def _is_own(self, last: int) -> bool:
        """Whether a stream that goes beyond the spool is the lane's all the same: a power cut took the spool's end."""
        if self._recorder is not None:
            return False  # what this process sent is in its spool
        entries = await self._wire.call("XREVRANGE", self._stream, "+", "-", "COUNT", 1)
        if not entries:
            return last <= self.settled
        ((_, (_, data)),) = entries
        frames = list(frames_in(data))
        return bool(frames) and isinstance(frames[-1], Frame) and frames[-1].last_seq == last

    async def _read_former_report(self) -> None:
        report = await self._wire.call("HGET", LANES, self._name)
        if report is None:
            return
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):  # no edge wrote it: it is replaced soon
            former = msgspec.json.decode(report, type=LaneReport)
            self._answered_before = max(self._answered_before, former.answered)

    async def _ship(self) -> bool:
        """Send some entries; True when there was something to send."""
        if self._connection != self._wire.connects:  # to another Redis perhaps, that lacks what was sent before
            self._in_doubt = True
            return True
        chunks: list[Chunk] = []
        while len(chunks) < ENTRIES_AT_ONCE and self._unsettled_bytes < self.room_bytes:
            chunk = self._reader.next(ENTRY_BYTES)
            if chunk is None:
                break
            chunks.append(chunk)
            self._unsettled.append((chunk.last_seq, len(chunk.frames)))
            self._unsettled_bytes += len(chunk.frames)
        if not chunks:
            return False
        replies = await self._wire.batch([self._add(chunk, first=place == 0) for place, chunk in enumerate(chunks)])
        if len(chunks) == ENTRIES_AT_ONCE:  # there is more: a second of it could fill Redis
            await self._read_quota()
        for chunk, reply in zip(chunks, replies, strict=True):
            if not self._accepted(chunk, reply):
                return True
        self._stream_exists = True
        return True

    def _add(self, chunk: Chunk, *, first: bool) -> Command:
        # Only the first entry after a look may make the stream: if it vanishes later, clicks vanished with it,
        # and NOMKSTREAM answers nil instead of going on as if nothing had happened.
        make = () if first and not self._stream_exists else ("NOMKSTREAM",)
        return ("XADD", self._stream, *make, f"{chunk.last_seq}-0", ENTRY_FIELD, chunk.frames)

    def _accepted(self, chunk: Chunk, reply: Any) -> bool:
        if isinstance(reply, hiredis.ReplyError):
            self._in_doubt = True
            if "equal or smaller" not in str(reply):
                raise reply
            self.resent += 1
            return False
        if reply is None:
            log.warning("a click stream vanished, its clicks are sent again", extra={"lane": self._name})
            self._in_doubt = True
            return False
        self.shipped = chunk.last_seq
        return True

    async def _read_quota(self) -> None:
        self.room_bytes = quota_from(await self._wire.call("INFO", "memory"))

    async def _settle_and_report(self) -> None:
        await self._read_quota()
        await self._read_watermark()
        await self._check_for_loss()
        while self._unsettled and self._unsettled[0][0] <= self.settled:
            self._unsettled_bytes -= self._unsettled.popleft()[1]
        self._spool.free_up_to(self.settled)
        over = not self._live and self.settled >= self.spooled and not self._holds_unspooled
        await self._report(over)
        if over:  # last: whoever finds a lane that is over sends it again, and the aggregator leaves out what it has
            self._spool.remove()
        self.ended = over

    async def _check_for_loss(self) -> None:
        """A stream that lacks clicks has to be written again, also one to which nobody adds any more."""
        if self.settled < self.shipped and await self._last_id() < self.shipped:
            log.warning("a click stream vanished, its clicks are sent again", extra={"lane": self._name})
            self._in_doubt = True

    async def _read_watermark(self) -> None:
        reply = await self._wire.call("HGET", WATERMARKS, self._name)
        self.settled = max(self.settled, watermark_in(reply))

    async def _report(self, ended: bool) -> None:
        state = LaneReport(
            edge_id=self._edge_id,
            answered=self.answered,
            spooled=self.spooled,
            shipped=self.shipped,
            updated_at_ms=time.time_ns() // 1_000_000,
            ended=ended,
            unrecorded=self.unrecorded,
        )
        await self._wire.call("HSET", LANES, self._name, msgspec.json.encode(state))
