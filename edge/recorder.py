"""Writes the clicks of one event-loop tick into the spool, before any of their answers leaves."""

import logging
from collections.abc import Callable, Sequence

from edge.spool import Spool, SpoolFull
from edge.tap import Answered
from records.address import AddressCipher
from records.click import Click, encode_frame
from records.qr_mark import VIA_QR, is_from_qr
from runtime.seldom import Seldom
from visitors.query_marks import marks_in

MAX_UNSPOOLED_BYTES = 32 * 1024 * 1024
# In a flood thousands of visits come in one tick, and a hostile one has 30 kB in its click: a frame of all of them
# would be larger than what may wait in memory, and would be given up with everybody's clicks in it.
MAX_FRAME_CLICKS = 256
_LOG_EVERY_S = 30.0
_VERSION_AND_VARIANT = (7 << 76) | (0b10 << 62)
_RANDOM_BITS = (((1 << 12) - 1) << 64) | ((1 << 62) - 1)

log = logging.getLogger(__name__)


class Recorder:
    """Numbers the clicks of one lane: 1, 2, 3, ... without a hole."""

    def __init__(
        self,
        spool: Spool,
        cipher: AddressCipher,
        edge_id: str,
        max_unspooled_bytes: int = MAX_UNSPOOLED_BYTES,
        on_spooled: Callable[[], None] = lambda: None,
    ) -> None:
        self._spool = spool
        self._cipher = cipher
        self._edge_id = edge_id
        self._max_unspooled_bytes = max_unspooled_bytes
        self._on_spooled = on_spooled
        self._seq = 0
        # Frames the disk would not take. They wait in memory: a full disk must not cost a visitor the page.
        self._unspooled: list[tuple[bytes, int]] = []
        self.unspooled_bytes = 0
        self.answered = 0  # clicks, also those unrecorded
        self._is_refused = False  # the last write, by the disk
        self._refusal_log, self._loss_log = Seldom(_LOG_EVERY_S), Seldom(_LOG_EVERY_S)
        self.unrecorded = 0  # answered and lost, because disk and memory were full

    @property
    def unspooled(self) -> int:
        """Clicks held in memory."""
        return self._seq - self._spool.last_seq

    def record(self, answered: Sequence[Answered], now_ms: int) -> None:
        """Frames of at most MAX_FRAME_CLICKS, each in one write, for those that are clicks."""
        rows = [each for each in answered if each.decision.is_row]
        for start in range(0, len(rows), MAX_FRAME_CLICKS):
            self._record(rows[start : start + MAX_FRAME_CLICKS], now_ms)

    def _record(self, rows: Sequence[Answered], now_ms: int) -> None:
        first_seq = self._seq + 1
        lane = self._spool.lane
        clicks = [
            _click(row, now_ms, self._cipher.apply(row.tap.visit.address, lane, seq))
            for seq, row in enumerate(rows, first_seq)
        ]
        self.answered += len(clicks)
        frame = encode_frame(self._edge_id, first_seq, clicks)
        if not self._has_room(frame):
            self.spool_waiting()  # the disk may have room again
            if not self._has_room(frame):
                self._lose(len(clicks))
                return
        self._seq += len(clicks)
        self._unspooled.append((frame, self._seq))
        self.unspooled_bytes += len(frame)
        self.spool_waiting()

    def _lose(self, clicks: int) -> None:
        self.unrecorded += clicks
        if self._loss_log.is_due():
            log.error("clicks_unrecorded: disk and memory are full; clicks are lost", extra={"clicks": self.unrecorded})

    def _has_room(self, frame: bytes) -> bool:
        return self.unspooled_bytes + len(frame) <= self._max_unspooled_bytes

    def spool_waiting(self) -> None:
        """Append what is in memory, in order; what the disk does not take stays."""
        while self._unspooled:
            frame, last_seq = self._unspooled[0]
            try:
                self._spool.append(frame, last_seq)
            except SpoolFull as error:
                self._refused(error)
                return
            self.unspooled_bytes -= len(frame)
            del self._unspooled[0]
        if self._is_refused:  # an attribute, not a call: this is on the path of every tap
            self._is_refused = False
            self._refusal_log.reset()
            self._loss_log.reset()
            log.info("spool_accepted: the disk takes clicks again")
        self._on_spooled()

    def _refused(self, error: SpoolFull) -> None:
        self._is_refused = True
        if self._refusal_log.is_due():
            log.error(
                "spool_refused: the disk takes no clicks; they wait in memory",
                extra={"error": str(error), "clicks": self.unspooled},
            )

    def give_up(self) -> int:
        """Count what is in memory as lost; gives its clicks. Nothing is recorded afterwards."""
        lost = self.unspooled
        self._unspooled.clear()
        self.unspooled_bytes = 0
        self._seq -= lost
        self.unrecorded += lost
        return lost


def click_id_stem(now_ms: int) -> int:
    """What the click ids of one millisecond have in common: 48 bits of time, version and variant."""
    return (now_ms << 80) | _VERSION_AND_VARIANT


def new_click_id(stem: int, random: int) -> bytes:
    """A UUIDv7 (RFC 9562 5.7): 48 bits of time, then randomness. stem: click_id_stem; random: at least 76 bits."""
    return (stem | (random & _RANDOM_BITS)).to_bytes(16, "big")


def _click(answered: Answered, now_ms: int, sealed: bytes) -> Click:
    visit, found, decision = answered.tap.visit, answered.found, answered.decision
    link, broadcast = found.link, found.broadcast
    assert link is not None  # noqa: S101 - decide() makes a row of nothing else
    assert broadcast is not None  # noqa: S101
    audiences, versions, index = broadcast.audiences, broadcast.destination_versions, decision.destination_index
    return Click(
        answered.click_id, now_ms, found.link_id, visit.code, visit.short_domain,
        broadcast.account, broadcast.broadcast_id, broadcast.broadcast_no, link.contact_id,
        audiences[link.audience_no] if link.audience_no < len(audiences) else "",
        broadcast.keyword, broadcast.source, decision.location, index,
        decision.status, visit.method, sealed, visit.user_agent, visit.referrer, visit.accept,
        visit.accept_language, visit.purpose, visit.sec_fetch, visit.sec_ch_ua,
        decision.reason.value if decision.reason is not None else "",
        versions[index] if index < len(versions) else 1,
        marks_in(visit.query) if visit.query else None,
        VIA_QR if visit.query and is_from_qr(visit.query) else "",
    )  # fmt: skip
