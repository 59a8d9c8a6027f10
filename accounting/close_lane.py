"""Closes the lane of an edge whose disk is lost."""

import msgspec
from redis.asyncio import Redis

from accounting.ledger import read_ledger
from control.http.problems import Problem
from records.click import LaneState
from records.keys import LANES, WATERMARKS, click_stream
from runtime.clickhouse import ClickHouse
from runtime.retry_insert import insert_until_known

_state = msgspec.json.Decoder(LaneState)


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """not_arrived: as the ledger says; whoever closes a lane says how many clicks are given up with it."""

    not_arrived: int


class Closed(msgspec.Struct, frozen=True):
    lane: str
    edge_id: str
    lost: int


async def close_lane(redis: Redis, clickhouse: ClickHouse, lane: str, not_arrived: int) -> Closed:
    """Record the clicks of a silent lane as lost; the aggregator then ends it. Raises Problem.

    When its edge comes back after all, its clicks are taken in as ever, and count as lost no more.
    """
    found = next((one for one in (await read_ledger(redis, clickhouse)).lanes if one.lane == lane), None)
    registered = await redis.hget(LANES, lane)
    if found is None or registered is None or not found.silent_since:
        raise Problem("conflict", f"no lane {lane} is silent: its edge reports, or it is over")
    if found.not_arrived != not_arrived:
        raise Problem(
            "conflict", f"{found.not_arrived} clicks of lane {lane} have not arrived, not {not_arrived}",
            field="not_arrived",
        )  # fmt: skip
    if in_stream := await redis.xlen(click_stream(int(lane, 16))):
        raise Problem("conflict", f"{in_stream} entries of lane {lane} are still in Redis; wait until they are moved")
    state = _state.decode(registered)
    row = {
        "lane": int(lane, 16), "edge_id": state.edge_id, "answered": found.answered,
        "arrived": found.answered - found.unrecorded - not_arrived, "last_seen_at": state.updated_at_ms / 1000,
    }  # fmt: skip
    await insert_until_known(clickhouse, "lost_clicks", row)
    settled = int(await redis.hget(WATERMARKS, lane) or 0)
    over = LaneState(state.edge_id, settled, settled, settled, state.updated_at_ms, ended=True)
    await redis.hset(LANES, lane, msgspec.json.encode(over))
    return Closed(lane, state.edge_id, not_arrived + found.unrecorded)
