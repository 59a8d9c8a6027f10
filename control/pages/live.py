"""The stream of an open report: says when the report may have changed, and ends with the session.

All streams look at what Watched keeps, so that more viewers cost ClickHouse nothing. Whether its key is in force a
stream asks memory at each look; whether it was signed out, Redis now and then.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from control.http.auth import Access
from control.http.problems import Problem
from control.pages.render import HEADERS
from control.reports.watched import View, Watched
from records.account import top_level
from runtime.clickhouse import ClickHouseRefused, ClickHouseUnreachable

MAX_STREAMS = 500  # of one process
MAX_OF_ACCOUNT = 250  # of a top-level account and those below it: nobody takes them all
LOOK_S = 0.5  # between two looks at what Watched keeps
SESSION_LOOK_S = 15.0  # between two looks at Redis; a stream carries nothing that a sign-out has to stop at once
AWAY_S = 4.0  # before a store that did not answer is asked again
BEAT_S = 15.0  # between two signs of life: a viewer that is gone is noticed by what it does not take
_HEADERS = {**HEADERS, "X-Accel-Buffering": "no"}


class Places:
    """How many streams there are, in all and of each account."""

    def __init__(self, most: int = MAX_STREAMS, most_of_account: int = MAX_OF_ACCOUNT) -> None:
        self._most, self._most_of_account = most, most_of_account
        self._taken: Counter[str] = Counter()

    def take(self, account: str) -> None:
        """Raises Problem where there is none."""
        tree = top_level(account)
        if self._taken.total() >= self._most or self._taken[tree] >= self._most_of_account:
            detail = (
                f"{self._taken[tree]} pages of account {tree} are followed live already; at most "
                f"{self._most_of_account} of an account and {self._most} of all can be; reload instead"
            )
            raise Problem("unavailable", detail, retry_after_s=30)
        self._taken[tree] += 1

    def free(self, account: str) -> None:
        tree = top_level(account)
        self._taken[tree] -= 1
        if not self._taken[tree]:
            del self._taken[tree]


class Live:
    def __init__(self, access: Access, watched: Watched, clock: Callable[[], float] = time.monotonic) -> None:
        self._access, self._watched, self._clock = access, watched, clock
        self._places = Places()
        self._ended = False

    def end(self) -> None:
        """All streams end within LOOK_S: the process stops, and their pages go to another one."""
        self._ended = True

    def answer(self, request: Request, view: View, known: str) -> Response:
        """The stream of a view. known: the state that the page shows, "" for none. Raises Problem."""
        if request.method == "HEAD":
            return Response(headers=_HEADERS, media_type="text/event-stream")
        self._places.take(view.account)
        events = self._events(_Session(self._access, request, self._clock), view, known)
        return _Stream(events, lambda: self._places.free(view.account))

    async def _events(self, session: "_Session", view: View, known: str) -> AsyncIterator[str]:
        """`changed` whenever the report may have, until the viewer hangs up or its session ends."""
        yield "retry: 5000\n\n"
        beat_s = self._clock() + BEAT_S
        while not self._ended and await session.goes_on():
            try:
                state = await self._watched.state(view)
            except (ClickHouseUnreachable, ClickHouseRefused):
                yield ": ClickHouse does not answer\n\n"
                await asyncio.sleep(AWAY_S)
                continue
            if known and state != known:
                yield f"id: {state}\nevent: changed\ndata: {{}}\n\n"
            elif self._clock() >= beat_s:
                yield ": still here\n\n"
                beat_s = self._clock() + BEAT_S
            known = state
            await asyncio.sleep(LOOK_S)


class _Session:
    """Whether the session of a stream goes on."""

    def __init__(self, access: Access, request: Request, clock: Callable[[], float]) -> None:
        self._access, self._request, self._clock = access, request, clock
        self._reference: str | None = None
        self._look_at_s = 0.0

    async def goes_on(self) -> bool:
        if self._clock() >= self._look_at_s:
            await self._look()
        return self._reference is not None and self._access.is_in_force(self._reference)

    async def _look(self) -> None:
        try:
            self._reference = await self._access.reference_of(self._request)
            self._look_at_s = self._clock() + SESSION_LOOK_S
        except (RedisError, OSError):  # what was known before stays until Redis answers; keys are in memory
            self._look_at_s = self._clock() + AWAY_S


class _Stream(StreamingResponse):
    """Gives its place back however it ends."""

    def __init__(self, events: AsyncIterator[str], free: Callable[[], None]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=_HEADERS)
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._free()
