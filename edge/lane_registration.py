"""What edges and aggregators tell each other of one lane through Redis: the edge's report, and the watermark."""

import msgspec

from edge.redis_wire import RedisWire
from records.keys import LANES, WATERMARKS, lane_name
from records.lane_registry import LaneReport, report_in, watermark_in
from runtime.clock import unix_ms


class Registration:
    """Every call raises RedisUnavailable or hiredis.ReplyError."""

    def __init__(self, wire: RedisWire, lane: int, edge_id: str) -> None:
        self._wire, self._edge_id = wire, edge_id
        self._name = lane_name(lane)

    async def read_watermark(self) -> int:
        """The seq up to which every click is in ClickHouse, as aggregators published it; 0 where none has."""
        return watermark_in(await self._wire.call("HGET", WATERMARKS, self._name))

    async def read_report(self) -> LaneReport | None:
        """The last report of this lane, whichever process wrote it."""
        return report_in(await self._wire.call("HGET", LANES, self._name))

    async def write_report(self, answered: int, unrecorded: int, spooled: int, shipped: int, *, ended: bool) -> None:
        report = LaneReport(self._edge_id, answered, spooled, shipped, unix_ms(), ended, unrecorded)
        await self._wire.call("HSET", LANES, self._name, msgspec.json.encode(report))
