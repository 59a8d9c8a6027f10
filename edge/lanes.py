"""The lanes a process ships: its own, and those that dead processes left on this disk."""

import asyncio
import logging
from pathlib import Path

from edge.recorder import Recorder
from edge.redis_wire import RedisWire
from edge.shipper import Shipper
from edge.spool import Spool, left_behind
from records.keys import lane_name

LOOK_FOR_LEFT_S = 5.0

log = logging.getLogger(__name__)


class Lanes:
    """Runs one shipper a lane."""

    def __init__(self, wire: RedisWire, spool_dir: Path, spool: Spool, edge_id: str) -> None:
        self._wire, self._spool_dir, self._edge_id = wire, spool_dir, edge_id
        self._spool = spool
        self.own = Shipper(wire, spool, edge_id, live=True)
        self.own_name = lane_name(spool.lane)
        self.recorder: Recorder | None = None
        self._adopted: dict[Shipper, asyncio.Task[None]] = {}

    def shippers(self) -> list[Shipper]:
        return [self.own, *self._adopted]

    async def run(self) -> None:
        """Ship the own lane, and adopt what is left behind as soon as its process is dead; until cancelled."""
        own = asyncio.get_running_loop().create_task(self.own.run())
        try:
            while True:
                self._adopt()
                await asyncio.sleep(LOOK_FOR_LEFT_S)
        finally:
            for task in (own, *self._adopted.values()):
                task.cancel()
            self._spool.close()

    def _adopt(self) -> None:
        for spool in left_behind(self._spool_dir):
            log.info("a dead process's clicks are adopted", extra={"lane": lane_name(spool.lane), "to": spool.last_seq})
            shipper = Shipper(self._wire, spool, self._edge_id, live=False)
            task = asyncio.get_running_loop().create_task(shipper.run())
            self._adopted[shipper] = task
            task.add_done_callback(lambda _, shipper=shipper: self._adopted.pop(shipper, None))

    async def drain(self, longest_s: float) -> None:
        """Wait until all clicks of this process are in ClickHouse, or until the time is up: then they stay on disk."""
        if self.recorder is not None:
            self.recorder.spool_waiting()
        self.own.finish()
        deadline = asyncio.get_running_loop().time() + longest_s
        while self.shippers_busy() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        if self.shippers_busy():
            log.warning(
                "clicks stay in the spool", extra={"clicks": sum(s.spooled - s.settled for s in self.shippers())}
            )

    def shippers_busy(self) -> bool:
        return any(not shipper.ended for shipper in self.shippers())
