"""What a visit is judged by: what its row keeps and nothing else, so that every row can be judged again. Pure."""

from operator import attrgetter

import msgspec

from records.click import Click
from visitors.cut import MAX_AGENT_BYTES, MAX_HEADER_BYTES, cut
from visitors.place import Place


class Headers(msgspec.Struct, frozen=True, gc=False):
    """What a request says of itself, cut. Each field is a field of Click and a column of `clicks`."""

    method: str
    user_agent: str
    accept: str
    purpose: str
    sec_fetch: str
    sec_ch_ua: str


class Evidence(Headers, frozen=True, gc=False):
    """The headers of a visit and the network it came from. Each field is a column of `clicks`."""

    asn: int
    as_org: str


_FIELDS = Headers.__struct_fields__
_said_by = attrgetter(*_FIELDS)
_MAX_BYTES = [MAX_AGENT_BYTES if field == "user_agent" else MAX_HEADER_BYTES for field in _FIELDS]


def headers_of(click: Click) -> Headers:
    """What a row keeps of a click's headers. What lies beyond a cut is not kept, and judges nobody."""
    return Headers(*map(cut, _said_by(click), _MAX_BYTES))


def evidence_of(headers: Headers, place: Place) -> Evidence:
    """What the row with these columns is judged by."""
    columns = (*msgspec.structs.astuple(headers), place.asn, place.as_org)
    return Evidence(*columns)
