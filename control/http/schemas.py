"""What the API takes and gives, as records; /v1/openapi.json is made from them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from control.http.problems import invalid
from records.broadcast import Broadcast
from records.domain import Domain

Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset, e.g. 2026-05-01T09:00:00Z")]
Status = Literal[301, 302, 303, 307, 308]
Word = Annotated[str, Meta(max_length=64)]
Destinations = Annotated[list[str], Meta(min_length=1, max_length=32)]


class DomainBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    account: str | None = None
    display_name: Annotated[str, Meta(max_length=200)] = ""
    home: str | None = None
    not_found: str | None = None
    expired: str | None = None
    status: Status = 302
    app_links: dict[str, Any] = {}


class DomainAnswer(msgspec.Struct, kw_only=True):
    short_domain: str
    account: str
    display_name: str
    home: str | None
    not_found: str | None
    expired: str | None
    status: int
    app_links: dict[str, Any]


class BroadcastBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    account: str | None = None
    short_domain: str
    destinations: Destinations
    source: Word = "sms"
    keyword: Word = ""
    valid_from: Time | None = None
    expires_at: Time | None = None
    status: Status | None = None
    forward_query: bool = False
    fallback: str | None = None
    stopped: bool = False
    sent_at: Time | None = None


class BroadcastPatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Any part of a BroadcastBody; null takes a value away, sent_at then is the time of the first minting again."""

    account: str | None = None
    short_domain: str | UnsetType = UNSET
    destinations: Destinations | UnsetType = UNSET
    source: Word | UnsetType = UNSET
    keyword: Word | UnsetType = UNSET
    valid_from: Time | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET
    status: Status | UnsetType | None = UNSET
    forward_query: bool | UnsetType = UNSET
    fallback: str | UnsetType | None = UNSET
    stopped: bool | UnsetType = UNSET
    sent_at: Time | UnsetType | None = UNSET


class BroadcastAnswer(msgspec.Struct, kw_only=True):
    broadcast_id: str
    account: str
    short_domain: str
    destinations: list[str]
    source: str
    keyword: str
    valid_from: Time | None
    expires_at: Time | None
    status: int | None
    forward_query: bool
    fallback: str | None
    stopped: bool
    sent_at: Time | None
    audiences: list[str]
    updated_at: Time


class ContactLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One line in: a contact that gets a link, or one link per destination when it names none."""

    contact_id: Annotated[str, Meta(min_length=1, max_length=256)]
    audience: Annotated[str, Meta(max_length=128)] = ""
    destination_index: Annotated[int, Meta(ge=0, le=31)] | None = None


class LinkLine(msgspec.Struct, gc=False):
    """One line out."""

    contact_id: str
    destination_index: int
    link_id: int
    code: str
    short_url: str


class BadLine(msgspec.Struct, gc=False):
    """One line out, for a line in that was skipped."""

    line: int
    error: str


class LinkBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A shared link: with a destination of its own, or one of a broadcast's."""

    account: str | None = None
    short_domain: str | None = None
    destination: str | None = None
    slug: str | None = None
    source: Word | None = None
    keyword: Word | None = None
    broadcast_id: str | None = None
    destination_index: Annotated[int, Meta(ge=0, le=31)] | None = None


class LinkAnswer(msgspec.Struct):
    link_id: int
    code: str
    short_url: str
    broadcast_id: str


class LinkState(msgspec.Struct, kw_only=True):
    """What a link is and where it goes now.

    goes_to: as filled in for its contact, but for {click_id}, which each click has anew; null where a page is answered.
    state too_long: filled in, the destination has more than 8,000 bytes, and nobody is sent there.
    """

    link_id: int
    code: str
    short_url: str
    short_domain: str
    account: str
    broadcast_id: str
    contact_id: str
    audience: str
    source: str
    keyword: str
    destination_index: int
    destination: str
    state: Literal["live", "stopped", "expired", "not_yet", "too_long"]
    goes_to: str | None
    minted_at: str


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """not_arrived: as the ledger says, which is how many clicks are given up with the lane."""

    not_arrived: int


def milliseconds(field: str, time: datetime | None) -> int:
    """Unix milliseconds, 0 for none; raises Problem for what no message can have been sent in."""
    if time is None:
        return 0
    if not 1970 < time.year < 3000:
        raise invalid(field, f"{field} is {time.isoformat()}; expected a time between 1971 and 2999")
    return int(time.timestamp() * 1000)


def time_of(ms: int) -> datetime | None:
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def domain_answer(domain: Domain) -> DomainAnswer:
    return DomainAnswer(
        short_domain=domain.short_domain,
        account=domain.account,
        display_name=domain.display_name,
        home=domain.home or None,
        not_found=domain.not_found or None,
        expired=domain.expired or None,
        status=domain.status,
        app_links={name: msgspec.json.decode(text) for name, text in domain.app_links.items()},
    )


def broadcast_body(broadcast: Broadcast) -> BroadcastBody:
    """The body that would make this broadcast."""
    return BroadcastBody(
        account=broadcast.account,
        short_domain=broadcast.short_domain,
        destinations=list(broadcast.destinations),
        source=broadcast.source,
        keyword=broadcast.keyword,
        valid_from=time_of(broadcast.valid_from_ms),
        expires_at=time_of(broadcast.expires_at_ms),
        status=broadcast.status or None,  # type: ignore[arg-type]
        forward_query=broadcast.forward_query,
        fallback=broadcast.fallback or None,
        stopped=broadcast.stopped,
        sent_at=time_of(broadcast.sent_at_ms),
    )


def broadcast_answer(broadcast: Broadcast) -> BroadcastAnswer:
    body = msgspec.structs.asdict(broadcast_body(broadcast))
    return BroadcastAnswer(
        **body,
        broadcast_id=broadcast.broadcast_id,
        audiences=[name for name in broadcast.audiences if name],
        updated_at=datetime.fromtimestamp(broadcast.version / 1000, UTC),
    )
