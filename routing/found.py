"""What was found out about the link that a visit asks for."""

import msgspec

from records.broadcast import Broadcast
from records.domain import Domain
from records.link import Link
from routing.reasons import Reason


class Found(msgspec.Struct, frozen=True, gc=False):
    """The first part that is missing, in this order, is what nobody knows of; or `obstacle` says why nobody looked."""

    domain: Domain | None = None
    link_id: int = 0
    link: Link | None = None
    broadcast: Broadcast | None = None
    obstacle: Reason | None = None


NOTHING = Found()
UNANSWERABLE = Found(obstacle=Reason.UNRESOLVED)  # no store that can be reached could say
SCAN_LIMITED = Found(obstacle=Reason.SCANNING)  # a limited address prefix; too many of its names wait already
