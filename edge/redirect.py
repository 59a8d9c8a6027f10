"""The hot path: visits of one event-loop tick are resolved, decided, recorded and answered together."""

import asyncio
import logging
import time
from collections.abc import Callable
from random import getrandbits
from time import perf_counter

from edge.recorder import Recorder, new_click_id
from edge.resolver import Resolver
from edge.scan_limit import ScanLimit
from edge.tap import Answered
from edge.tap_stats import TapStats
from routing.decide import OVERLOADED, SCANNING, UNRESOLVED, Decision, decide
from routing.found import Found
from routing.reasons import Reason
from routing.visit import Visit

MAX_IN_FLIGHT = 5_000  # visits being answered; beyond it a quick 503 is better than a long queue

NAMES_NOTHING = frozenset({Reason.UNKNOWN_HOST, Reason.UNKNOWN_CODE})  # what a scan gets

Reply = Callable[[Decision, str], None]  # gets the decision and what the pages call the domain

log = logging.getLogger(__name__)


class Redirector:
    """take() a visit; its reply is called when the click is in the spool."""

    def __init__(self, resolver: Resolver, recorder: Recorder, stats: TapStats, scans: ScanLimit) -> None:
        self._resolver = resolver
        self._recorder = recorder
        self._stats = stats
        self._scans = scans
        self._arrived: list[tuple[Visit, Reply]] = []
        self._in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def take(self, visit: Visit, reply: Reply) -> None:
        if self._in_flight >= MAX_IN_FLIGHT:
            self._stats.overloaded()
            reply(OVERLOADED, visit.short_domain)
            return
        self._in_flight += 1
        self._arrived.append((visit, reply))
        if len(self._arrived) == 1:
            self._loop.call_soon(self._start)

    def _start(self) -> None:
        arrived, self._arrived = self._arrived, []
        task = self._loop.create_task(self._answer(arrived))
        self._tasks.add(task)
        task.add_done_callback(lambda task: self._finished(task, arrived))

    async def _answer(self, arrived: list[tuple[Visit, Reply]]) -> None:
        began = perf_counter()
        async for resolved in self._resolver.resolve([visit for visit, _ in arrived]):
            resolved_at = perf_counter()
            now_ms = time.time_ns() // 1_000_000
            answered = [self._decided(arrived[place][0], found, now_ms) for place, found in resolved]
            decided_at = perf_counter()
            self._recorder.record(answered, now_ms)
            recorded_at = perf_counter()
            self._respond([arrived[place][1] for place, _ in resolved], answered)
            self._stats.answered(answered, began, resolved_at, decided_at, recorded_at, perf_counter())

    def _decided(self, visit: Visit, found: Found, now_ms: int) -> Answered:
        # Ids must be distinct, not secret: the system's source of randomness would cost 5 % of a tap.
        click_id = new_click_id(now_ms, getrandbits(76))
        decision = decide(found, visit, click_id, now_ms)
        if decision.reason in NAMES_NOTHING and not self._scans.count(visit.address, self._loop.time()):
            decision = SCANNING
        return Answered(visit, found, click_id, decision)

    def _respond(self, replies: list[Reply], answered: list[Answered]) -> None:
        for reply, one in zip(replies, answered, strict=True):
            domain = one.found.domain
            reply(one.decision, (domain and domain.display_name) or one.visit.short_domain)

    def _finished(self, task: "asyncio.Task[None]", arrived: list[tuple[Visit, Reply]]) -> None:
        self._tasks.discard(task)
        self._in_flight -= len(arrived)
        if task.cancelled() or task.exception() is None:
            return
        log.error("visits could not be answered", exc_info=task.exception())
        self._stats.failed += len(arrived)
        for visit, reply in arrived:  # a reply that was called already ignores this
            reply(UNRESOLVED, visit.short_domain)
