"""Which state of a record a change is based on: the ETag of an answer, If-Match of the change (RFC 9110, 13.1)."""

import re

from starlette.requests import Request
from starlette.responses import Response

from control.http.problems import Problem, invalid
from control.http.schemas import LinkState
from records.broadcast import Broadcast
from records.domain import Domain
from records.forms import moment_of
from records.text import shown

NOTHING = 0  # the version of what is not there yet
_TAG = re.compile(r'"(\d{1,19})"', re.ASCII)


def based_on(request: Request) -> int | None:
    """The version that the change was made for; None: for whatever is there. Raises Problem."""
    new, known = request.headers.get("if-none-match"), request.headers.get("if-match")
    if new is not None and new.strip() != "*":
        raise invalid("If-None-Match", f"If-None-Match is {shown(new)}; expected * in a PUT that shall replace nothing")
    if new is not None:
        return NOTHING
    if known is None:
        return None
    if tag := _TAG.fullmatch(known.strip()):
        return int(tag[1])
    raise invalid("If-Match", f"If-Match is {shown(known)}; expected the ETag of an answer, with its quotes")


def check_based_on(version: int | None, there: Broadcast | Domain | None, name: str) -> None:
    """Raises Problem where something else is there than what the change was made for. name: broadcast spring."""
    if version is None or version == (there.version if there else NOTHING):
        return
    if there is None:
        raise Problem("changed", f"{name} is not there any more; nothing was changed")
    if version == NOTHING:
        raise Problem("changed", f"{name} is there already; choose another name, or change that one")
    when = f"{moment_of(there.version):%Y-%m-%dT%H:%M:%SZ}"
    raise Problem("changed", f"{name} was changed at {when}, after you read it; nothing was changed, look at it again")


def tagged(response: Response, record: Broadcast | Domain | LinkState) -> Response:
    response.headers["ETag"] = f'"{record.version}"'
    return response
