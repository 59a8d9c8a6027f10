"""A tap that was answered."""

from edge.tap import Answered, Tap
from records.broadcast import Broadcast
from records.link import Link
from routing.decide import Decision
from routing.found import Found
from routing.visit import Visit

_BROADCAST = Broadcast(3, "main", "spring", "go.acme.example", ("https://acme.example/",))
_TAP = Tap(Visit("go.acme.example", "aB3dE5fG7"), lambda *_: None)
_FOUND = Found(link_id=17, link=Link(3, 0, 0, "c-1"), broadcast=_BROADCAST)

ANSWERED = Answered(_TAP, _FOUND, b"\x01" * 16, Decision(302, "https://acme.example/", is_row=True))
