"""A visit on its way through the edge."""

import msgspec

from routing.decide import Decision
from routing.found import Found
from routing.visit import Visit


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A visit with all that was found out and decided."""

    visit: Visit
    found: Found
    click_id: bytes  # 16 bytes, UUIDv7
    decision: Decision
