"""One lane's stream in Redis: what it has of the lane, and how clicks are appended to it, each once."""

import logging
from collections.abc import Sequence
from typing import Any

import hiredis

from edge.redis_connection import Command
from edge.redis_wire import RedisWire
from edge.spool_reader import Chunk
from records.click import Frame, frames_in
from records.keys import ENTRY_FIELD, click_stream, lane_name

log = logging.getLogger(__name__)


class LaneStream:
    """The id of an entry is the seq of its last click. Every call raises RedisUnavailable or hiredis.ReplyError."""

    def __init__(self, wire: RedisWire, lane: int) -> None:
        self._wire = wire
        self._key = click_stream(lane)
        self._name = lane_name(lane)
        self._exists = False  # at the last look

    async def last_seq(self) -> int:
        """The last seq that the stream has accepted, also of entries that were trimmed; 0 for no stream."""
        try:
            info = await self._wire.call("XINFO", "STREAM", self._key)
        except hiredis.ReplyError as error:
            if "no such key" not in str(error):
                raise
            self._exists = False
            return 0
        last = int(bytes(info[b"last-generated-id"]).partition(b"-")[0])
        self._exists = last > 0
        return last

    async def last_frame_seq(self) -> int | None:
        """The last seq by the frames of the last entry, 0 for an entry without frames; None for an empty stream."""
        entries = await self._wire.call("XREVRANGE", self._key, "+", "-", "COUNT", 1)
        if not entries:
            return None
        ((_, (_, data)),) = entries
        frames = list(frames_in(data))
        return frames[-1].last_seq if frames and isinstance(frames[-1], Frame) else 0

    async def delete(self) -> None:
        await self._wire.call("DEL", self._key)
        self._exists = False

    async def append(self, chunks: Sequence[Chunk]) -> int:
        """Append an entry a chunk, in one round trip; gives the last seq accepted, 0 for none.

        Where that is not the last chunk's, the stream is not what it was at the last look: it had the entry already,
        or it has vanished.
        """
        commands = [self._add(chunk, may_create=position == 0) for position, chunk in enumerate(chunks)]
        accepted = 0
        for chunk, reply in zip(chunks, await self._wire.batch(commands), strict=True):
            if not self._is_accepted(reply):
                return accepted
            accepted = chunk.last_seq
        self._exists = True
        return accepted

    def _add(self, chunk: Chunk, *, may_create: bool) -> Command:
        # Only the first entry after a look may make the stream: if it vanishes later, clicks vanished with it,
        # and NOMKSTREAM answers nil instead of going on as if nothing had happened.
        condition = () if may_create and not self._exists else ("NOMKSTREAM",)
        return ("XADD", self._key, *condition, f"{chunk.last_seq}-0", ENTRY_FIELD, chunk.frames)

    def _is_accepted(self, reply: Any) -> bool:
        if reply is None:
            log.warning(
                "stream_lost_resending: the stream lacks clicks; sending them again",
                extra={"lane": self._name},
            )
            return False
        if not isinstance(reply, hiredis.ReplyError):
            return True
        if "equal or smaller" not in str(reply):
            raise reply
        return False
