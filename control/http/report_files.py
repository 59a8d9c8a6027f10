"""A report as the file that a call asks for: CSV in one of two dialects, or XLSX."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from control.http.json_answer import json_answer
from control.http.parameters import choice
from control.http.problems import invalid
from control.reports.tables import DIALECTS, EXCEL, EXCEL_EU, as_csv, as_xlsx

FORMATS = ("json", "csv", "xlsx")
_CSV = "text/csv; charset=utf-8; header=present"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILES: dict[tuple[str, str], tuple[Callable[[list[msgspec.Struct]], bytes], str]] = {
    ("csv", EXCEL): (as_csv, _CSV),
    ("csv", EXCEL_EU): (partial(as_csv, dialect=EXCEL_EU), _CSV),
    ("xlsx", EXCEL): (as_xlsx, _XLSX),
}


class Form(NamedTuple):
    """What an answer shall be."""

    name: str
    dialect: str

    async def answer(self, whole: msgspec.Struct, reports: list[msgspec.Struct]) -> Response:
        if self.name == "json":
            return json_answer(whole)
        written, media_type = _FILES[self]
        headers = {"Content-Disposition": f'attachment; filename="report.{self.name}"'}
        return Response(await asyncio.to_thread(written, reports), media_type=media_type, headers=headers)


def form_of(request: Request) -> Form:
    """Raises Problem."""
    form = Form(choice(request, "format", FORMATS), choice(request, "dialect", DIALECTS))
    if form.dialect != EXCEL and form.name != "csv":
        raise invalid("dialect", f"dialect is {form.dialect} and format is {form.name}; expected format=csv with it")
    return form
