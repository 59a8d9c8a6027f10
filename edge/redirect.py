"""The hot path: taps of one event-loop tick are resolved, decided, recorded and answered together."""

import asyncio
import logging
import time
from random import getrandbits
from time import perf_counter

from edge.recorder import Recorder, click_id_stem, new_click_id
from edge.resolver import Resolver
from edge.scan_limit import ScanLimit
from edge.tap import Answered, Reply, Tap
from edge.tap_stats import TapStats
from routing.decide import OVERLOADED, SCANNING, UNRESOLVED, Decision, decide
from routing.found import NOTHING, Found
from routing.reasons import Reason
from routing.visit import Visit

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
        recorder: Recorder,
        stats: TapStats,
        scans: ScanLimit,
        *,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self._resolver, self._recorder, self._stats, self._scans = resolver, recorder, stats, scans
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._arrived: list[Tap] = []
        self._tasks: set[asyncio.Task[None]] = set()
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
        taps, self._arrived = self._arrived, []
        task = self._loop.create_task(self._answer(taps))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._finished(task, taps))

    async def _answer(self, taps: list[Tap]) -> None:
        began = perf_counter()
        async for resolved in self._resolver.resolve(taps):
            resolved_at = perf_counter()
            now_ms = time.time_ns() // 1_000_000
            stem = click_id_stem(now_ms)
            answered = [self._decided(tap, found, stem, now_ms) for tap, found in resolved]
            decided_at = perf_counter()
            self._recorder.record(answered, now_ms)
            recorded_at = perf_counter()
            for each in answered:
                each.tap.reply(each.decision, each.found)
            self._stats.answered(answered, began, resolved_at, decided_at, recorded_at, perf_counter())

    def _decided(self, tap: Tap, found: Found, stem: int, now_ms: int) -> Answered:
        # Ids must be distinct, not secret: the system's source of randomness would cost 5 % of a tap.
        click_id = new_click_id(stem, getrandbits(76))
        decision = decide(found, tap.visit, click_id, now_ms)
        if not decision.is_row and self._is_scan(tap.visit, decision):
            decision = SCANNING
        return Answered(tap, found, click_id, decision)

    def _is_scan(self, visit: Visit, decision: Decision) -> bool:
        return decision.reason in NAMES_NOTHING and not self._scans.count(visit.address, self._loop.time())

    def _finished(self, task: "asyncio.Task[None]", taps: list[Tap]) -> None:
        self._tasks.discard(task)
        self._in_flight -= len(taps)
        if task.cancelled() or task.exception() is None:
            return
        log.error("visit_failed: visits could not be answered", exc_info=task.exception())
        self._stats.failed += len(taps)
        for tap in taps:  # a reply that was called already ignores this
            tap.reply(UNRESOLVED, NOTHING)
