"""The lanes a process ships: its own, and those that dead processes left on this disk."""

import asyncio
import logging
from functools import partial
from pathlib import Path

from edge.lane_source import AdoptedLane, OwnLane
from edge.left_behind import left_behind, sweep
from edge.recorder import Recorder
from edge.redis_wire import RedisWire
from edge.shipper import REPORT_S, Shipper
from edge.shipper_state import State
from edge.spool import Spool
from records.keys import lane_name

LOOK_FOR_LEFT_S = 2.0
LAST_REPORT_S = REPORT_S + 0.5

log = logging.getLogger(__name__)


class LaneRunner:
    """Runs one shipper a lane. news: set when the recorder has spooled something."""

    def __init__(
        self, wire: RedisWire, spool_dir: Path, spool: Spool, recorder: Recorder, edge_id: str, news: asyncio.Event
    ) -> None:
        self._wire, self._spool_dir, self._edge_id = wire, spool_dir, edge_id
        self._recorder, self._news = recorder, news
        self._own_lane = OwnLane(spool, recorder)
        self._own = Shipper(wire, self._own_lane, edge_id, news)
        self._task: asyncio.Task[None] | None = None
        self._adopted: dict[Shipper, asyncio.Task[None]] = {}

    def shippers(self) -> list[Shipper]:
        return [self._own, *self._adopted]

    async def run(self) -> None:
        """Ship the own lane, and adopt what is left behind as soon as its process is dead; until cancelled."""
        sweep(self._spool_dir)
        self._task = asyncio.get_running_loop().create_task(self._own.run())
        try:
            while True:
                if self._task.done() and self._own.state is not State.ENDED:
                    self._task.result()  # a defect: end the process, its successor adopts the lane
                try:
                    await self._adopt()
                except OSError as error:  # no descriptor, no disk: taps go on, the next look finds the lanes
                    log.warning(
                        "spool_dir_unreadable: cannot look for lanes of dead processes; trying again",
                        extra={"error": str(error)},
                    )
                self._recorder.spool_waiting()
                await asyncio.sleep(LOOK_FOR_LEFT_S)
        finally:
            for task in (self._task, *self._adopted.values()):
                task.cancel()
            self._own_lane.spool.close()

    async def _adopt(self) -> None:
        # In a thread: a spool can hold hours of clicks, and reading it must not keep a visitor waiting.
        for spool in await asyncio.to_thread(lambda: list(left_behind(self._spool_dir))):
            log.info(
                "lane_adopted: shipping the clicks of a dead process",
                extra={"lane": lane_name(spool.lane), "to": spool.last_seq},
            )
            shipper = Shipper(self._wire, AdoptedLane(spool), self._edge_id, asyncio.Event())
            task = asyncio.get_running_loop().create_task(shipper.run())
            self._adopted[shipper] = task
            task.add_done_callback(partial(self._over, shipper))

    def _over(self, shipper: Shipper, task: "asyncio.Task[None]") -> None:
        del self._adopted[shipper]
        if not task.cancelled() and task.exception() is not None:
            log.error("lane_adoption_failed: adopting the lane again", exc_info=task.exception())
            shipper.lane.spool.close()  # the next look finds it left behind

    async def drain(self, longest_s: float) -> None:
        """Wait until all clicks of this process are in ClickHouse, or until the time is up: then they stay on disk.

        Clicks that the disk refuses are lost, and the last report counts them.
        """
        self._recorder.spool_waiting()
        self._own_lane.finish()
        self._news.set()
        tasks = [task for task in (self._task, *self._adopted.values()) if task is not None]
        _, waiting = await asyncio.wait(tasks, timeout=longest_s) if tasks else (set(), set())
        if waiting and (left := sum(each.progress.spooled - each.progress.settled for each in self.shippers())):
            log.warning("drain_incomplete: clicks stay in the spool for the next process", extra={"clicks": left})
        await self._give_up()

    async def _give_up(self) -> None:
        self._recorder.spool_waiting()
        if not (lost := self._recorder.give_up()):
            return
        log.error("clicks_unspooled_lost: the disk refused these clicks until the end", extra={"clicks": lost})
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=LAST_REPORT_S)
