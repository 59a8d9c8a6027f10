"""When each store was away during a run, seen from outside: what makes a 503 legitimate."""

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 0.1
# An edge that lost a store asks it again once a second at the latest (edge/redis_wire.py, edge/breaker.py), and under
# load an answer takes a moment.
FOUND_AGAIN_S = 2.5

Span = tuple[float, float]  # by time.monotonic


class Outage:
    """The spans in which one store did not answer in time; each begins with the last answer before it.

    within_s: how long an edge waits for it (Redis: edge/redis_wire.py, ClickHouse: edge/parts.py). A look begins up
    to LOOK_EVERY_S behind a question of an edge.
    """

    def __init__(self, answers: Callable[[], Awaitable[bool]], within_s: float) -> None:
        self._answers, self._within_s = answers, within_s - LOOK_EVERY_S
        self.spans: list[Span] = []

    async def watch(self) -> None:
        """Look until cancelled."""
        answered_at, is_away = time.monotonic(), False
        while True:
            asked_at = time.monotonic()
            answers = await self._answers()
            now = time.monotonic()
            answers = answers and now - asked_at <= self._within_s
            if not answers or is_away:
                began = self.spans.pop()[0] if is_away else answered_at
                self.spans.append((began, now))
            answered_at, is_away = now if answers else answered_at, not answers
            await asyncio.sleep(LOOK_EVERY_S)


def explained(span: Span, outages: list[list[Span]]) -> bool:
    """Whether all stores were away together at some moment of `span`, for an edge, which finds them again late."""
    common = [span]
    for one in outages:
        seen = [(began, ended + FOUND_AGAIN_S) for began, ended in one]
        common = [(max(a, c), min(b, d)) for a, b in common for c, d in seen if max(a, c) <= min(b, d)]
    return bool(common)
