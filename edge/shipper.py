"""Sends a lane's spooled clicks to its Redis stream, in order and each once, and frees what is in ClickHouse.

The id of a stream entry is the seq of its last click: Redis refuses an id it already has, so sending again is
harmless. The stream's last id is the truth about what Redis has; after every doubt the reader goes back to it.
"""

import asyncio
import contextlib
import logging
import time

import hiredis

from edge.lane_progress import LaneProgress
from edge.lane_registration import Registration
from edge.lane_source import Lane
from edge.lane_stream import LaneStream
from edge.redis_connection import RedisUnavailable
from edge.redis_wire import RedisWire
from edge.shipper_state import TRANSITIONS, Event, State
from edge.spool_reader import Chunk, SpoolReader
from edge.stream_quota import quota_from
from edge.unsettled_window import UnsettledWindow
from records.keys import lane_name

ENTRY_BYTES = 64 * 1024
ENTRIES_AT_ONCE = 16
LINGER_S = 0.02  # gathers the clicks of several event-loop ticks into few entries: Redis pays by the command
REPORT_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0

log = logging.getLogger(__name__)


class Shipper:
    """Moves one lane. The only writer of its state; others read. news: set when there is something new in the spool."""

    def __init__(self, wire: RedisWire, lane: Lane, edge_id: str, news: asyncio.Event) -> None:
        self.state = State.LOCATING
        self.lane = lane
        self.progress = LaneProgress(lane.spool)
        self.window = UnsettledWindow()
        self.retries = 0  # times that a step failed
        self._wire, self._news = wire, news
        self._reader = SpoolReader(lane.spool)
        self._stream = LaneStream(wire, lane.spool.lane)
        self._registration = Registration(wire, lane.spool.lane, edge_id)
        self._connection = 0  # of the wire, on which the lane was located
        self._pause_s, self._report_at = FIRST_PAUSE_S, 0.0

    async def run(self) -> None:
        """Ship until the lane has ended; outages are waited out."""
        step = {State.LOCATING: self._locate, State.SHIPPING: self._ship, State.BACKING_OFF: self._pause}
        while self.state is not State.ENDED:
            self.progress.sample(time.time())
            try:
                await step[self.state]()
            except (RedisUnavailable, hiredis.ReplyError, OSError) as error:
                self._fail(error)

    async def _locate(self) -> None:
        """Go on after the last click that Redis has, or that is in ClickHouse already."""
        self._connection = self._wire.connects
        self.progress.settle(await self._registration.read_watermark())
        last = await self._last_seq_of_lane()
        await self.lane.read_former_report(self._registration)
        self.progress.locate(last)
        shipped, settled = self.progress.shipped, self.progress.settled
        self._reader.rewind(shipped)
        self.window.clear()
        if shipped > settled:  # still in the stream: it counts, or every reconnect would add to it
            self.window.add(shipped, self.lane.spool.bytes_between(settled, shipped))
        self._on(Event.LOCATED)

    async def _last_seq_of_lane(self) -> int:
        """The last seq that the stream has accepted; 0 for a stream that another process wrote: it is deleted."""
        last = await self._stream.last_seq()
        spool, settled = self.lane.spool, self.progress.settled
        if last <= spool.last_seq or await self.lane.has_sent(last, settled, self._stream):
            return last
        # The aggregator checks every seq against the table: sending the lane again loses and doubles nothing.
        lane = lane_name(spool.lane)
        log.warning(
            "stream_foreign_id: the stream has an id that this lane never gave; writing it again",
            extra={"lane": lane, "id": last},
        )
        await self._stream.delete()
        return 0

    async def _ship(self) -> None:
        """Send what is there, then wait until there is more; once a second settle and report."""
        if self._connection != self._wire.connects:  # to another Redis perhaps, that lacks what was sent before
            self._on(Event.DOUBTED)
            return
        loop = asyncio.get_running_loop()
        chunks = self._next_chunks()
        if chunks:
            await self._send(chunks)
        self._pause_s = FIRST_PAUSE_S
        if loop.time() >= self._report_at:
            self._report_at = loop.time() + REPORT_S
            await self._settle_and_report()
        if len(chunks) < ENTRIES_AT_ONCE and self.state is State.SHIPPING:  # else there is more to send
            await self._wait(self._report_at - loop.time())

    async def _pause(self) -> None:
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._on(Event.PAUSED)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, RedisUnavailable):
            log.warning("shipping_deferred: Redis refused clicks; they stay in the spool", extra={"error": str(error)})
        if "READONLY" in str(error):  # a replica by now: the name may lead to the one that took over
            self._wire.drop()
        self.retries += 1
        self._on(Event.FAILED)

    def _next_chunks(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        while len(chunks) < ENTRIES_AT_ONCE and self.window.has_room:
            chunk = self._reader.next(ENTRY_BYTES)
            if chunk is None:
                break
            chunks.append(chunk)
            self.window.add(chunk.last_seq, len(chunk.frames))
        return chunks

    async def _send(self, chunks: list[Chunk]) -> None:
        accepted = await self._stream.append(chunks)
        self.progress.ship(accepted)
        if accepted < chunks[-1].last_seq:
            self._on(Event.DOUBTED)
        if len(chunks) == ENTRIES_AT_ONCE:  # there is more: a second of it could fill Redis
            await self._read_quota()

    async def _wait(self, timeout_s: float) -> None:
        self._news.clear()
        if self._reader.seq >= self.lane.spool.last_seq or not self.window.has_room:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(timeout_s, 0.0)):
                    await self._news.wait()
        await asyncio.sleep(LINGER_S)  # also where there is news already: else every round trip is an entry of its own

    async def _settle_and_report(self) -> None:
        """Free the spool of what is in ClickHouse, and a lane of which that is all; report the lane to Redis."""
        await self._read_quota()
        self.progress.settle(await self._registration.read_watermark())
        settled = self.progress.settled
        await self._check_for_loss()
        self.window.settle(settled)
        self.lane.spool.free_up_to(settled)
        is_over = self.state is State.SHIPPING and self.lane.is_complete and settled >= self.progress.spooled
        await self._report(ended=is_over)
        if is_over:  # last: a lane that is over and found is sent again, and the aggregator leaves out what it has
            self.lane.spool.remove()
            self._on(Event.SETTLED)

    async def _check_for_loss(self) -> None:
        """A stream that lacks clicks has to be written again, also one to which nothing is added any more."""
        shipped = self.progress.shipped
        if self.progress.settled < shipped and await self._stream.last_seq() < shipped:
            lane = lane_name(self.lane.spool.lane)
            log.warning("stream_lost_resending: the stream lacks clicks; sending them again", extra={"lane": lane})
            self._on(Event.DOUBTED)

    async def _read_quota(self) -> None:
        self.window.quota_bytes = quota_from(await self._wire.call("INFO", "memory"))

    async def _report(self, *, ended: bool) -> None:
        spooled, shipped = self.progress.spooled, self.progress.shipped
        answered, unrecorded = self.lane.answered(spooled), self.lane.unrecorded(spooled)
        await self._registration.write_report(answered, unrecorded, spooled, shipped, ended=ended)

    def _on(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]
