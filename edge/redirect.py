"""The hot path: taps of one event-loop tick are resolved, decided, recorded and answered together."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from random import getrandbits
from time import perf_counter
from typing import Any

from edge.recorder import Recorder, click_id_stem, new_click_id
from edge.resolver import Resolver, Step
from edge.scan_limit import ScanLimit
from edge.tap import Answered, Reply, Resolved, Tap
from edge.tap_stats import TapStats
from edge.walker import Walker
from routing.decide import OVERLOADED, SCANNING, UNRESOLVED, Decision, decide
from routing.found import NOTHING, Found
from routing.reasons import Reason
from routing.visit import Visit
from runtime.clock import unix_ms
from visitors.agents import draws_previews

MAX_IN_FLIGHT = 5_000
NAMES_NOTHING = frozenset({Reason.UNKNOWN_HOST, Reason.UNKNOWN_CODE})  # what a scan gets

log = logging.getLogger(__name__)


class Redirector:
    """take() a visit; its reply is called when the click is in the spool.

    max_in_flight: visits being answered; beyond it a quick 503 is better than a long queue.
    """

    def __init__(
        self,
        resolver: Resolver,
        walker: Walker,
        recorder: Recorder,
        stats: TapStats,
        scans: ScanLimit,
        *,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self._resolver, self._walker = resolver, walker
        self._recorder, self._stats, self._scans = recorder, stats, scans
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._arrived: list[Tap] = []
        self._walks: set[asyncio.Task[Resolved]] = set()
        self._loop = asyncio.get_running_loop()

    def take(self, visit: Visit, reply: Reply) -> None:
        if self._in_flight >= self._max_in_flight:
            self._stats.overloaded()
            reply(OVERLOADED, NOTHING)
            return
        self._in_flight += 1
        self._arrived.append(Tap(visit, reply))
        if len(self._arrived) == 1:
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        batch, self._arrived = _Batch(self._arrived), []
        self._go_on(batch, self._resolver.from_memory, batch.taps)

    def _go_on(self, batch: "_Batch", step: Callable[..., Step], *arguments: Any) -> None:
        """Answer what a step of the look-up finds, and begin the next one. A defect costs the batch a 503 each."""
        try:
            known, asked, walks = step(*arguments)
            if not batch.waiting:  # a defect has ended it
                return
            if known:
                self._answer(batch, known)
            if asked:
                self._resolver.ask(asked, partial(self._go_on, batch, self._resolver.from_replies, asked))
            for tap in walks:
                self._walk(batch, tap)
        except Exception:
            self._fail(batch)

    def _walk(self, batch: "_Batch", tap: Tap) -> None:
        walk = self._loop.create_task(self._walker.walk(tap))
        self._walks.add(walk)
        walk.add_done_callback(partial(self._go_on, batch, self._walked))

    def _walked(self, walk: "asyncio.Task[Resolved]") -> Step:
        self._walks.discard(walk)
        return Step() if walk.cancelled() else Step([walk.result()])

    def _answer(self, batch: "_Batch", resolved: Sequence[Resolved]) -> None:
        resolved_at = perf_counter()
        now_ms = unix_ms()
        stem = click_id_stem(now_ms)
        answered = [self._decided(tap, found, stem, now_ms) for tap, found in resolved]
        decided_at = perf_counter()
        self._recorder.record(answered, now_ms)
        recorded_at = perf_counter()
        for each in answered:
            each.tap.reply(each.decision, each.found)
        self._stats.answered(answered, batch.began, resolved_at, decided_at, recorded_at, perf_counter())
        self._in_flight -= len(answered)
        batch.waiting -= len(answered)

    def _decided(self, tap: Tap, found: Found, stem: int, now_ms: int) -> Answered:
        # Ids must be distinct, not secret: the system's source of randomness would cost 5 % of a tap.
        click_id = new_click_id(stem, getrandbits(76))
        decision = decide(found, tap.visit, click_id, now_ms, draws_previews)
        if not decision.is_row and self._is_scan(tap.visit, decision):
            decision = SCANNING
        return Answered(tap, found, click_id, decision)

    def _is_scan(self, visit: Visit, decision: Decision) -> bool:
        return decision.reason in NAMES_NOTHING and not self._scans.count(visit.address, self._loop.time())

    def _fail(self, batch: "_Batch") -> None:
        log.exception("visit_failed: visits could not be answered")
        self._stats.failed += batch.waiting
        self._in_flight -= batch.waiting
        batch.waiting = 0
        for tap in batch.taps:  # a reply that was called already ignores this
            tap.reply(UNRESOLVED, NOTHING)


class _Batch:
    """The taps of one event-loop tick, until the last of them is answered."""

    __slots__ = ("began", "taps", "waiting")

    def __init__(self, taps: list[Tap]) -> None:
        self.taps = taps
        self.waiting = len(taps)
        self.began = perf_counter()
