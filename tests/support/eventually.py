"""Waiting for what comes true by itself: look again and again, and say at the end what was seen last."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")
_EVERY_S = 0.02
_ANY_TRUTH: Any = object()


async def eventually(
    look: Callable[[], T | Awaitable[T]],
    holds: Callable[[T], Any] = bool,
    *,
    equals: T = _ANY_TRUTH,
    within_s: float = 20.0,
) -> T:
    """What `look` gives (awaited where it must be) once it is true, once `holds` says so, or once it is `equals`.

    Raises AssertionError with the value seen last when that does not come within `within_s` seconds.
    """
    __tracebackhide__ = True
    give_up_at = time.monotonic() + within_s
    while True:
        looked = look()
        value: T = await looked if inspect.isawaitable(looked) else looked  # type: ignore[assignment]
        if _is_so(value, holds, equals):
            return value
        assert time.monotonic() < give_up_at, _unseen(value, equals, within_s)
        await asyncio.sleep(_EVERY_S)


def wait_until(
    look: Callable[[], T], holds: Callable[[T], Any] = bool, *, equals: T = _ANY_TRUTH, within_s: float = 20.0
) -> T:
    """`eventually` for tests without an event loop."""
    __tracebackhide__ = True
    give_up_at = time.monotonic() + within_s
    while not _is_so(value := look(), holds, equals):
        assert time.monotonic() < give_up_at, _unseen(value, equals, within_s)
        time.sleep(_EVERY_S)
    return value


def _is_so(value: T, holds: Callable[[T], Any], equals: T) -> bool:
    return bool(holds(value)) if equals is _ANY_TRUTH else value == equals


def _unseen(value: object, equals: object, within_s: float) -> str:
    wanted = "" if equals is _ANY_TRUTH else f", expected {equals!r}"
    return f"within {within_s:g} s it did not come true; last seen: {value!r}{wanted}"
