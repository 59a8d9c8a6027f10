"""A visit on its way through the edge."""

from collections.abc import Callable

import msgspec

from routing.decide import Decision
from routing.found import Found
from routing.visit import Visit

Reply = Callable[[Decision, Found], None]  # gets the decision, and what was found for the page that it may need


class Tap(msgspec.Struct, frozen=True, gc=False):
    """A visit, and how to answer it."""

    visit: Visit
    reply: Reply


Resolved = tuple[Tap, Found]


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A tap with all that was found out and decided."""

    tap: Tap
    found: Found
    click_id: bytes  # 16 bytes, UUIDv7
    decision: Decision
