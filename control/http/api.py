"""Which method answers which operation."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from control.access.caller import Caller
from control.http.operations import OPERATIONS

Call = Callable[[Request, Caller], Awaitable[Response]]


def api(*groups: Any) -> dict[str, Call]:
    """By the name of the operation, the method of that name; AttributeError where no group has one."""
    return {operation.name: _method(groups, operation.name) for operation in OPERATIONS}


def _method(groups: tuple[Any, ...], name: str) -> Call:
    group = next((group for group in groups if hasattr(group, name)), None)
    if group is None:
        raise AttributeError(f"no calls answer the operation {name}")
    call: Call = getattr(group, name)
    return call
