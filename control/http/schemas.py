"""What the API takes and gives, as records; /v1/openapi.json is made from them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from contacts.line import ContactLine
from control.access.api_key import ApiKey
from control.access.scopes import Scope
from control.catalogue.changes import Entry
from control.http.documents import answer_of, body_of, patch_of, shown
from control.reports.contacts import ContactRow
from records.broadcast import Broadcast
from records.domain import Domain
from records.forms import Time, Word, moment_of, time_of

DomainBody = body_of(Domain, "DomainBody")
DomainPatch = patch_of(Domain, "DomainPatch", "Any part of a DomainBody; null takes a URL away.")
DomainAnswer = answer_of(Domain, "DomainAnswer", {"short_domain": str, "account": str})
BroadcastBody = body_of(Broadcast, "BroadcastBody")
BroadcastPatch = patch_of(
    Broadcast,
    "BroadcastPatch",
    "Any part of a BroadcastBody; null takes a value away, sent_at then is the time of the first minting again.",
)
BroadcastAnswer = answer_of(
    Broadcast, "BroadcastAnswer", {"broadcast_id": str, "account": str}, {"audiences": list[str], "updated_at": Time}
)


class DestinationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """to: where the links of this destination lead from now on."""

    account: str | None = None
    to: str


class RollbackBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """version: of the history, which the broadcast has again; the one before the last without it."""

    account: str | None = None
    version: int | None = None


class Who(msgspec.Struct, frozen=True):
    """Whose key it was, and its id or name."""

    account: str
    key: str


class HistoryEntry(msgspec.Struct, frozen=True):
    """A change. before and after have the fields that differ; null where there was nothing.

    what: created, changed, recorded, withdrawn, rolled back to N. who: null where it is recorded, which is the first
    state of what is older than its history.
    """

    version: int
    who: Who | None
    what: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    when: Time


class History(msgspec.Struct, frozen=True):
    """A page of the changes of a record, oldest first."""

    items: list[HistoryEntry]
    next_cursor: str | None


class LinkLine(msgspec.Struct, gc=False):
    """One line out."""

    contact_id: str
    destination_index: int
    link_id: int
    code: str
    short_url: str
    existing: bool | msgspec.UnsetType = msgspec.UNSET  # true: the contact had this link before, nothing was minted


class CanariesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """count: at most 10,000; without it the square root of the number of contacts, and at least 50."""

    account: str | None = None
    count: int | None = None


class CanaryLine(msgspec.Struct, frozen=True):
    """One canary. contact_id: of its line, where it was made for one."""

    link_id: int
    code: str
    short_url: str
    audience: str
    contact_id: str | UnsetType = UNSET


class CanaryAnswer(msgspec.Struct, frozen=True):
    canaries: list[CanaryLine]


class Counted(msgspec.Struct, frozen=True):
    """What a minting would do: links it would make, and links that the contacts have."""

    new: int
    existing: int


class VerifyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to look at; every field may be left out."""

    # How many links an edge is asked for, or "all".
    sample: Annotated[int, Meta(ge=1, le=1_000_000)] | Literal["all"] = 200
    fetch: bool = True  # the destinations
    # Hosts, without ports, on which the pages may end; none given: any, and another site than the destination's is a
    # warning.
    final_hosts: Annotated[list[str], Meta(max_length=100)] = []
    # Whose link is followed where a destination holds fields of a contact: such a page may be used up by a visit.
    contact_id: str | None = None


class ComposeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A text, and for whom; without contacts for one made-up contact, whose fields hold their names."""

    account: str | None = None
    short_domain: str
    text: str
    destinations: Annotated[list[str], Meta(max_length=32)] = []  # those of the text without it
    contacts: Annotated[list[ContactLine], Meta(max_length=100)] = []


class Unfinished(msgspec.Struct):
    """Why a text is no message yet: what stands in its field, as the refusal of a broadcast with it would say."""

    field: str
    fault: str


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


class LinkPatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Any part of a shared link with a destination of its own."""

    account: str | None = None
    destination: str | UnsetType = UNSET
    source: Word | UnsetType = UNSET
    keyword: Word | UnsetType = UNSET


class LinkAnswer(msgspec.Struct):
    link_id: int
    code: str
    short_url: str
    broadcast_id: str


class LinkState(msgspec.Struct, kw_only=True):
    """What a link is and where it goes now.

    goes_to: filled in for its contact, except {click_id}, which differs for every click; null where a page is answered.
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
    version: int  # of what its broadcast says, the number in the ETag


class KeyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A key for an account of this key's: its own or one below it, with no scope that this key lacks."""

    account: str | None = None
    name: Annotated[str, Meta(max_length=200)] = ""
    scopes: Annotated[list[Scope], Meta(min_length=1)]


class KeyEntry(msgspec.Struct, kw_only=True):
    key_id: str
    account: str
    name: str
    scopes: list[Scope]
    created_at: Time


class KeyAnswer(KeyEntry, kw_only=True):
    """A key that was made: `key` is shown this once, and kept nowhere."""

    key: str


class KeyList(msgspec.Struct):
    items: list[KeyEntry]
    next_cursor: str | None


class DomainList(msgspec.Struct):
    items: list[DomainAnswer]  # type: ignore[valid-type]
    next_cursor: str | None


class BroadcastList(msgspec.Struct):
    items: list[BroadcastAnswer]  # type: ignore[valid-type]
    next_cursor: str | None


class LinkList(msgspec.Struct):
    items: list[LinkState]
    next_cursor: str | None


class ClickList(msgspec.Struct):
    """Rows of the table `clicks`, by column; lane and visitor_id as text."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class ContactAnswer(msgspec.Struct):
    """The newest 1,000 links of a contact, and the newest 1,000 clicks on them, across broadcasts."""

    contact_id: str
    links: list[LinkState]
    clicks: list[dict[str, Any]]


class TappedList(msgspec.Struct):
    items: list[ContactRow]
    next_cursor: str | None


class DomainCheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """port: where TLS is asked for; one beside 443 only in networks that TAPTRAIL_FETCH_ALLOW of control names."""

    account: str | None = None
    port: Annotated[int, Meta(ge=1, le=65_535)] = 443


class ShareBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """expires_at: in at most 366 days; 30 days from now without it."""

    account: str | None = None
    expires_at: Time | None = None


class ShareAnswer(msgspec.Struct):
    """A share that was made: `url` is shown this once, and kept nowhere."""

    share_id: str
    url: str
    expires_at: Time


class ShareEntry(msgspec.Struct):
    """who: whose key made it; null where that is not recorded."""

    share_id: str
    created_at: Time
    expires_at: Time
    who: Who | None = None


class ShareList(msgspec.Struct):
    items: list[ShareEntry]


class ErasureBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """links: stop ends the contact's links, which then answer 410; keep lets them lead on, without its fields."""

    account: str | None = None
    contact_id: str
    links: Literal["keep", "stop"] = "keep"


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """not_arrived: as the ledger says, which is how many clicks are given up with the lane."""

    not_arrived: int


def key_entry(key: ApiKey) -> KeyEntry:
    return KeyEntry(**_shown_of_key(key))


def key_answer(row: ApiKey, key: str) -> KeyAnswer:
    return KeyAnswer(**_shown_of_key(row), key=key)


def _shown_of_key(key: ApiKey) -> dict[str, Any]:
    created_at = time_of(key.created_at_ms)
    return {
        "key_id": key.key_id, "account": key.account, "name": key.name, "scopes": list(key.scopes),
        "created_at": created_at,
    }  # fmt: skip


def domain_answer(domain: Domain) -> msgspec.Struct:
    return DomainAnswer(short_domain=domain.short_domain, account=domain.account, **shown(domain))


def history_entry(entry: Entry) -> HistoryEntry:
    who = Who(entry.who_account, entry.who_key) if entry.who_account else None
    before, after = (msgspec.json.decode(text) if text else None for text in (entry.before, entry.after))
    return HistoryEntry(entry.version, who, entry.what, before, after, moment_of(entry.at_ms))


def broadcast_answer(broadcast: Broadcast) -> msgspec.Struct:
    return BroadcastAnswer(
        broadcast_id=broadcast.broadcast_id,
        account=broadcast.account,
        **shown(broadcast),
        audiences=[name for name in broadcast.audiences if name],
        updated_at=time_of(broadcast.version),
    )
