"""What the click pipeline uses of Redis, in memory. Whoever watches is asked before anything is given up."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import hiredis

from records.keys import ENTRY_FIELD, LANES, WATERMARKS, lane_name


class Watcher(Protocol):
    """Is shown every step that gives clicks up."""

    def acknowledged(self, lane: int, entry_id: int) -> None: ...

    def trimmed(self, lane: int, entry_id: int) -> None: ...

    def published(self, lane: int, before: int, after: int) -> None: ...


class Stream:
    def __init__(self) -> None:
        self.entries: dict[int, bytes] = {}  # ascending
        self.last_id = 0
        self.has_group = False
        self.delivered = 0  # last id given to the group
        self.pending: dict[int, None] = {}

    def copy(self) -> "Stream":
        stream = Stream()
        stream.entries, stream.last_id, stream.has_group = dict(self.entries), self.last_id, self.has_group
        stream.delivered, stream.pending = self.delivered, dict(self.pending)
        return stream

    def read(self, which: str, count: int) -> list[tuple[int, bytes | None]]:
        if which != ">":  # pending entries; of those that were deleted the id alone
            return [(entry_id, self.entries.get(entry_id)) for entry_id in sorted(self.pending)[:count]]
        new = [(entry_id, data) for entry_id, data in self.entries.items() if entry_id > self.delivered][:count]
        for entry_id, _ in new:
            self.pending[entry_id] = None
            self.delivered = entry_id
        return list(new)


class Data:
    """What a replica would have a copy of."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.lanes: dict[str, bytes] = {}
        self.watermarks: dict[int, int] = {}
        self.writers: dict[int, str] = {}
        self.leases: dict[int, tuple[str, float]] = {}
        self.heartbeats: dict[str, float] = {}
        self.known_epoch = ""

    def copy(self) -> "Data":
        data = Data()
        data.streams = {lane: stream.copy() for lane, stream in self.streams.items()}
        data.lanes, data.watermarks, data.writers = dict(self.lanes), dict(self.watermarks), dict(self.writers)
        data.leases, data.heartbeats, data.known_epoch = dict(self.leases), dict(self.heartbeats), self.known_epoch
        return data


class MemoryRedis:
    def __init__(self, now: Callable[[], float], watcher: Watcher | None = None) -> None:
        self._now, self.watcher = now, watcher
        self.data = Data()
        self._runs = 1

    @property
    def run(self) -> str:
        """Its replication id."""
        return f"{self._runs:040x}"

    def flush(self) -> None:
        self.data = Data()

    def restart_with(self, data: Data) -> None:
        """A replica that has this took its place."""
        self.data = data
        self._runs += 1

    # Leases

    def hold(self, lane: int, owner: str, lease_s: float, is_writer: bool) -> bool:
        held_by, expires_at = self.data.leases.get(lane, ("", -math.inf))
        if expires_at > self._now() and held_by != owner:
            return False
        self.data.leases[lane] = owner, self._now() + lease_s
        if is_writer:
            self.data.writers[lane] = owner
        return True

    def release(self, lane: int, owner: str, is_at_rest: bool) -> None:
        if not self.is_held(lane) or self.data.leases[lane][0] != owner:
            return
        if is_at_rest:
            self.data.writers.pop(lane, None)
        del self.data.leases[lane]

    def is_held(self, lane: int) -> bool:
        return lane in self.data.leases and self.data.leases[lane][1] > self._now()

    def heartbeat(self, owner: str, life_s: float) -> int:
        self.data.heartbeats[owner] = self._now()
        alive = {name: at for name, at in self.data.heartbeats.items() if at > self._now() - life_s}
        self.data.heartbeats = alive
        return len(alive)

    def current_epoch(self, owner: str) -> tuple[str, float]:
        if self.data.known_epoch == self.run:
            return self.run, math.inf
        run, _, rest = self.data.known_epoch.partition(" ")
        if run != self.run:
            rest = f"{self._now()!r} {owner}"
            self.data.known_epoch = f"{self.run} {rest}"
        return self.data.known_epoch, max(self._now() - float(rest.partition(" ")[0]), 0.0)

    def confirm_epoch(self, text: str) -> None:
        if self.data.known_epoch == text:
            self.data.known_epoch = text.partition(" ")[0]

    # Streams

    def open(self, lane: int) -> None:
        if (stream := self.data.streams.get(lane)) is not None and not stream.has_group:
            stream.has_group = True
            stream.delivered = 0

    def read(self, lane: int, which: str, count: int) -> list[tuple[int, bytes | None]] | None:
        """None: there is no such group."""
        stream = self.data.streams.get(lane)
        return stream.read(which, count) if stream is not None and stream.has_group else None

    def ack(self, lane: int, ids: list[int]) -> None:
        if (stream := self.data.streams.get(lane)) is None:
            return
        for entry_id in ids:
            if entry_id in stream.pending:
                if self.watcher:
                    self.watcher.acknowledged(lane, entry_id)
                del stream.pending[entry_id]

    def raise_watermark(self, lane: int, seq: int) -> None:
        before = self.data.watermarks.get(lane, 0)
        if self.watcher:
            self.watcher.published(lane, before, max(before, seq))
        self.data.watermarks[lane] = max(before, seq)

    def trim_acknowledged(self, lane: int, last_id: int) -> None:
        """What was read and acknowledged, up to this id; nothing behind an entry that is pending."""
        if (stream := self.data.streams.get(lane)) is not None and stream.has_group:
            first = min(stream.pending, default=last_id + 1)
            self._trim(lane, lambda stream: [each for each in stream.entries if each <= last_id and each < first])

    def trim_to(self, lane: int, length: int) -> None:
        """XTRIM MAXLEN."""
        self._trim(lane, lambda stream: list(stream.entries)[: max(len(stream.entries) - length, 0)])

    def _trim(self, lane: int, chosen: Callable[[Stream], list[int]]) -> None:
        if (stream := self.data.streams.get(lane)) is None:
            return
        for entry_id in chosen(stream):
            if self.watcher:
                self.watcher.trimmed(lane, entry_id)
            del stream.entries[entry_id]

    def held(self, lane: int) -> tuple[int, int]:
        """Entries, and how many of them are pending."""
        stream = self.data.streams.get(lane, Stream())
        return len(stream.entries), len(stream.pending)

    def delete(self, lane: int) -> None:
        self.data.streams.pop(lane, None)

    def forget(self, lane: int) -> None:
        self.delete(lane)
        self.data.leases.pop(lane, None)
        self.data.watermarks.pop(lane, None)
        self.data.writers.pop(lane, None)
        self.data.lanes.pop(lane_name(lane), None)

    # Commands of the edge

    def command(self, *parts: Any) -> Any:
        """A reply, or a hiredis.ReplyError."""
        name, *arguments = parts
        return getattr(self, f"_{str(name).lower()}")(*arguments)

    def _info(self, *_: Any) -> bytes:
        return b"maxmemory:0\r\nused_memory:0\r\n"

    def _hget(self, key: str, field: str) -> bytes | None:
        if key == LANES:
            return self.data.lanes.get(field)
        seq = self.data.watermarks.get(int(field, 16)) if key == WATERMARKS else None
        return None if seq is None else str(seq).encode()

    def _hset(self, _: str, field: str, value: bytes) -> int:
        self.data.lanes[field] = value
        return 0

    def _xinfo(self, _: str, key: str) -> Any:
        stream = self.data.streams.get(_lane_of(key))
        if stream is None:
            return hiredis.ReplyError("ERR no such key")
        return {b"last-generated-id": b"%d-0" % stream.last_id}

    def _xrevrange(self, key: str, *_: Any) -> list[Any]:
        stream = self.data.streams.get(_lane_of(key))
        if stream is None or not stream.entries:
            return []
        entry_id, data = next(reversed(stream.entries.items()))
        return [[b"%d-0" % entry_id, [ENTRY_FIELD, data]]]

    def _del(self, key: str) -> int:
        self.delete(_lane_of(key))
        return 1

    def _xtrim(self, key: str, _: str, length: int) -> None:
        self.trim_to(_lane_of(key), length)

    def _xadd(self, key: str, *rest: Any) -> Any:
        *option, entry_id, _, data = rest
        lane, last_id = _lane_of(key), int(str(entry_id).partition("-")[0])
        if lane not in self.data.streams:
            if option:  # NOMKSTREAM
                return None
            self.data.streams[lane] = Stream()
        stream = self.data.streams[lane]
        if last_id <= stream.last_id:
            return hiredis.ReplyError(
                "ERR The ID specified in XADD is equal or smaller than the target stream top item"
            )
        stream.entries[last_id] = bytes(data)
        stream.last_id = last_id
        return b"%d-0" % last_id


def _lane_of(key: str) -> int:
    return int(key.rpartition(":")[2], 16)
