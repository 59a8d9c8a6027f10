"""Calls that say what became of broadcasts: one, several side by side, all of an account."""

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.catalogue.broadcasts import Broadcasts
from control.http.json_answer import json_answer
from control.http.lists import Number, cursor_after, page_of
from control.http.parameters import account_of, one_of
from control.http.problems import invalid
from control.http.report_files import form_of
from control.http.schemas import TappedList
from control.reports.account import read_account_report
from control.reports.contacts import tapped_contacts
from control.reports.filters import Filters, VisitClass
from control.reports.report import Reports
from control.reports.shapes import Comparison
from control.zones import check_zone
from runtime.clickhouse import ClickHouse
from runtime.json_faults import described

MAX_COMPARED = 20
MAX_FILTER = 500  # characters, more than any value that a row has
_TEXTS = ("audience", "device", "os", "browser", "country", "region")


class ReportCalls:
    def __init__(self, broadcasts: Broadcasts, clickhouse: ClickHouse, reports: Reports) -> None:
        self._broadcasts, self._clickhouse, self._reports = broadcasts, clickhouse, reports

    async def report(self, request: Request, caller: Caller) -> Response:
        account, wanted, tz = account_of(request, caller), form_of(request), await zone_of(self._clickhouse, request)
        broadcast = await self._broadcasts.get(account, request.path_params["broadcast_id"])
        report = await self._reports.read(broadcast, tz, filters_of(request))
        return await wanted.answer(report, [report])

    async def list_contacts(self, request: Request, caller: Caller) -> Response:
        broadcast = await self._broadcasts.get(account_of(request, caller), request.path_params["broadcast_id"])
        found = await tapped_contacts(
            self._clickhouse, broadcast, page_of(request, tuple[Number, str]), request.query_params.get("q", ""),
            filters_of(request),
        )  # fmt: skip
        return json_answer(TappedList(found.items, cursor_after(found.last)))

    async def compare(self, request: Request, caller: Caller) -> Response:
        account, wanted, tz = account_of(request, caller), form_of(request), await zone_of(self._clickhouse, request)
        broadcasts = [await self._broadcasts.get(account, broadcast_id) for broadcast_id in _ids(request)]
        reports = [await self._reports.read(broadcast, tz) for broadcast in broadcasts]
        return await wanted.answer(Comparison(reports), [*reports])

    async def account_report(self, request: Request, caller: Caller) -> Response:
        wanted = form_of(request)
        report = await read_account_report(self._clickhouse, caller.account(request.path_params["account"]))
        return await wanted.answer(report, [report])


async def zone_of(clickhouse: ClickHouse, request: Request) -> str | None:
    """The zone that the query asks for, if any; raises Problem."""
    tz = request.query_params.get("tz")
    if tz is not None:
        await check_zone(clickhouse, "tz", tz)
    return tz


def filters_of(request: Request) -> Filters:
    """What the query narrows a report to; raises Problem."""
    given = request.query_params
    for name in _TEXTS:
        if len(text := given.get(name, "")) > MAX_FILTER:
            raise invalid(name, f"{name} has {len(text)} characters; expected {MAX_FILTER} at most")
    return Filters(
        **{name: given.get(name) for name in _TEXTS},
        destination=_destination(given.get("destination")),
        visit_class=one_of(request, "class", VisitClass),
    )


def _destination(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 3:
        return int(text)
    raise invalid("destination", f"destination is {described(text)}; expected the number of one, from 0")


def _ids(request: Request) -> list[str]:
    ids = [part for part in request.query_params.get("broadcasts", "").split(",") if part]
    if ids and len(ids) <= MAX_COMPARED and len(set(ids)) == len(ids):
        return ids
    named = described(request.query_params.get("broadcasts", ""))
    raise invalid("broadcasts", f"broadcasts is {named}; expected 1 to {MAX_COMPARED} different ids, as in a,b")
