"""Calls that say what became of broadcasts: one, several side by side, all of an account."""

import asyncio
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.http.json_answer import json_answer
from control.http.parameters import account_of, choice
from control.http.problems import invalid
from control.reports.report import read_account_report, read_report
from control.reports.shapes import Comparison
from control.reports.tables import as_csv, as_xlsx
from control.zones import check_zone
from runtime.clickhouse import ClickHouse
from runtime.json_faults import described

MAX_COMPARED = 20

FORMATS = ("json", "csv", "xlsx")
_TABLES: dict[str, tuple[Callable[[list[msgspec.Struct]], bytes], str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8; header=present"),
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


class ReportCalls:
    def __init__(self, broadcasts: Broadcasts, clickhouse: ClickHouse) -> None:
        self._broadcasts, self._clickhouse = broadcasts, clickhouse

    async def report(self, request: Request, caller: Caller) -> Response:
        account, wanted, tz = account_of(request, caller), choice(request, "format", FORMATS), await self._zone(request)
        broadcast = await self._broadcasts.get(account, request.path_params["broadcast_id"])
        report = await read_report(self._clickhouse, broadcast, tz)
        return await _answer(wanted, report, [report])

    async def compare(self, request: Request, caller: Caller) -> Response:
        account, wanted, tz = account_of(request, caller), choice(request, "format", FORMATS), await self._zone(request)
        broadcasts = [await self._broadcasts.get(account, broadcast_id) for broadcast_id in _ids(request)]
        reports = [await read_report(self._clickhouse, broadcast, tz) for broadcast in broadcasts]
        return await _answer(wanted, Comparison(reports), [*reports])

    async def account_report(self, request: Request, caller: Caller) -> Response:
        wanted = choice(request, "format", FORMATS)
        report = await read_account_report(self._clickhouse, caller.account(request.path_params["account"]))
        return await _answer(wanted, report, [report])

    async def _zone(self, request: Request) -> str | None:
        tz = request.query_params.get("tz")
        if tz is not None:
            await check_zone(self._clickhouse, "tz", tz)
        return tz


def _ids(request: Request) -> list[str]:
    ids = [part for part in request.query_params.get("broadcasts", "").split(",") if part]
    if ids and len(ids) <= MAX_COMPARED and len(set(ids)) == len(ids):
        return ids
    named = described(request.query_params.get("broadcasts", ""))
    raise invalid("broadcasts", f"broadcasts is {named}; expected 1 to {MAX_COMPARED} different ids, as in a,b")


async def _answer(wanted: str, whole: msgspec.Struct, reports: list[msgspec.Struct]) -> Response:
    if wanted == "json":
        return json_answer(whole)
    written, media_type = _TABLES[wanted]
    headers = {"Content-Disposition": f'attachment; filename="report.{wanted}"'}
    return Response(await asyncio.to_thread(written, reports), media_type=media_type, headers=headers)
