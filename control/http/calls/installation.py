"""The calls about the whole installation: whether clicks add up."""

import msgspec
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from accounting.audit import read_audit
from accounting.close_lane import CannotClose, close_lane
from accounting.ledger import read_ledger
from control.access.caller import Caller
from control.http.bodies import document
from control.http.json_answer import json_answer
from control.http.parameters import hours
from control.http.problems import Problem
from control.http.schemas import CloseBody
from runtime.clickhouse import ClickHouse

_close = msgspec.json.Decoder(CloseBody)


class InstallationCalls:
    def __init__(self, clickhouse: ClickHouse, clicks_redis: Redis) -> None:
        self._clickhouse, self._clicks_redis = clickhouse, clicks_redis

    async def ledger(self, request: Request, caller: Caller) -> Response:
        return json_answer(await read_ledger(self._clicks_redis, self._clickhouse))

    async def close_lane(self, request: Request, caller: Caller) -> Response:
        body: CloseBody = await document(request, _close)
        try:
            lane = request.path_params["lane"]
            closed = await close_lane(self._clicks_redis, self._clickhouse, lane, body.not_arrived)
        except CannotClose as error:
            raise Problem("conflict", str(error), field=error.field) from None
        return json_answer(closed)

    async def audit(self, request: Request, caller: Caller) -> Response:
        return json_answer(await read_audit(self._clicks_redis, self._clickhouse, hours(request)))
