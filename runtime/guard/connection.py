"""One guarded connection: has each request answered in its turn, and ends what goes beyond its bounds."""

import asyncio
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from runtime.guard.behind import Behind
from runtime.guard.guard import Guard
from runtime.guard.states import (
    ANSWERED,
    ANSWERING,
    BROKEN,
    CLOSE,
    CLOSED,
    CLOSING,
    HEAD,
    IDLE,
    LOST,
    NEW,
    OWED,
    PAUSED,
    RESUMED,
    TRANSITIONS,
    UNREAD_STATES,
)
from runtime.guard.turns import PACE_BYTES, PACE_S, Turns

DRAIN_IDLE_S = 0.5
MAX_UNREAD_BYTES = 8 * 1024  # of answers that the system does not take; then the client is not read either


class GuardedConnection(asyncio.Protocol):
    """Made by uvicorn; what the shortcut does not answer, it gives to a protocol of uvicorn's."""

    __slots__ = (
        "_behind", "_guard", "_is_all_read", "_loop", "_transport", "_turns", "_unread_bytes",
        "deadline", "held_bytes", "peer", "state",
    )  # fmt: skip

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._guard = guard
        self._loop = _loop or asyncio.get_running_loop()
        self._behind = Behind(config, server_state, app_state, self._loop)
        self._turns: Turns | None = None  # once there was more than the shortcut answers
        self._is_all_read = False  # nothing more of the client is read
        self._unread_bytes = 0  # of answers, when we last looked
        self.held_bytes = 0
        self.state = NEW
        self.deadline = guard.now + NEW.longest_s

    def on(self, event: str) -> None:
        """Move on; nothing else writes the state."""
        self.state = state = TRANSITIONS[self.state][event]
        self.deadline = self._guard.now + state.longest_s

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_UNREAD_BYTES)
        peer = transport.get_extra_info("peername")
        self.peer: str = peer[0] if isinstance(peer, tuple) else ""
        self._behind.stops_with(self)
        self._guard.add(self)
        if self._guard.draining:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self.on(LOST)
        self._unread_bytes = 0
        self.hold(0)
        self._guard.discard(self)
        self._behind.gone(self)
        if self._turns is not None:
            self._turns.lost()
            self._turns = None

    def data_received(self, data: bytes) -> None:
        state, guard = self.state, self._guard
        if state is IDLE or state is NEW:
            if state is NEW and guard.shed_share and guard.sheds():
                self.close(guard.turned_away(data))
                return
            request = guard.shortcut.read(data)
            if request is not None:
                self.on(HEAD)
                guard.shortcut.answer(request, self)
                return
        if not self._is_all_read and state is not CLOSING:
            if self._turns is None:
                self._turns = Turns(self, guard, self._transport, self._behind)
            self._turns.read(data)

    def eof_received(self) -> bool:
        """A half-closed client still gets the answers to all that it asked. True keeps the connection open for them."""
        self._is_all_read = True
        if not self._guard.answers_half_closed:
            return False
        return self.state in OWED and (self._turns is None or not self._turns.is_in_body)

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not read its answers."""
        self.on(PAUSED)
        self._note_unread()
        if self._turns is None:
            self._transport.pause_reading()
        else:
            self._turns.pause_writing()

    def resume_writing(self) -> None:
        self.on(RESUMED)
        self._note_unread()
        if self._turns is None:
            self._transport.resume_reading()
        else:
            self._turns.resume_writing()

    # What the guard, the shortcut and the server call.

    @property
    def is_idle(self) -> bool:
        return self.state not in OWED

    @property
    def is_last(self) -> bool:
        return (self._is_all_read or self._guard.draining) and not self._holds_requests

    @property
    def is_all_read(self) -> bool:
        """Whether nothing more is read of the client."""
        return self._is_all_read

    @property
    def _holds_requests(self) -> bool:
        return self._turns is not None and self._turns.holds_requests

    def read_no_more(self) -> None:
        self._is_all_read = True

    def answer(self, response: bytes) -> None:
        if self.state in OWED:
            self._transport.write(response)
            self._end_turn()

    def answered(self) -> None:
        if self._transport.is_closing():
            self.close()
        elif self.state in OWED:
            self._end_turn()

    def _end_turn(self) -> None:
        if self.is_last or self.state is BROKEN:
            self.close()
        elif self._turns is None:
            self.on(ANSWERED)
        elif self._holds_requests:
            self._loop.call_soon(self._next_turn)  # not now: the next answer may come immediately, and so on
        else:
            self._next_turn()

    def _next_turn(self) -> None:
        if self.state in OWED and self._turns is not None:
            self.on(ANSWERED)
            self._turns.go_on()

    def close(self, last_words: bytes = b"") -> None:
        """Close behind what was written, and these bytes."""
        if self.state is CLOSING or self.state is CLOSED:
            return
        self.on(CLOSE)
        if last_words:
            self._transport.write(last_words)
        self._transport.close()

    def shutdown(self) -> None:
        self._guard.drain()
        if self.is_idle:  # a connection just accepted has its request in the socket
            self._loop.call_later(DRAIN_IDLE_S, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.is_idle:
            self.close()

    def hold(self, held_bytes: int) -> None:
        """So much is held of what the client sent. What it does not read counts as well."""
        held_bytes += self._unread_bytes
        if held_bytes != self.held_bytes:
            self._guard.budget.change(self, held_bytes - self.held_bytes)

    def _note_unread(self) -> None:
        before, self._unread_bytes = self._unread_bytes, self._transport.get_write_buffer_size()
        self._guard.budget.change(self, self._unread_bytes - before)

    def late(self) -> None:
        """Its deadline has passed: end it, unless what keeps it is no fault of the client."""
        if self.state is ANSWERING and not self._transport.is_reading():
            self.deadline = self._guard.now + PACE_S  # the application does not read
            return
        before = self._unread_bytes
        if self.state in UNREAD_STATES and before - self._transport.get_write_buffer_size() >= PACE_BYTES:
            self._note_unread()
            self.deadline = self._guard.now + self.state.longest_s
            return
        self.let_go()

    def let_go(self) -> None:
        self._is_all_read = True
        self._transport.abort()
        # Not in connection_lost: until the loop comes to it, many others may have been read.
        if self._turns is not None:
            self._turns.lost()
            self._turns = None
