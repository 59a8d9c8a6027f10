"""Every call of the API, once: routes, OpenAPI document and the page /docs are made from this table."""

from typing import Any

import msgspec

from accounting.audit import Audit
from accounting.close_lane import Closed
from accounting.ledger import Ledger
from contacts.bad_lines import BadLine
from contacts.line import ContactLine
from control.access.scopes import NEEDS
from control.catalogue.erasures import ErasureState
from control.http.lists import LIST_QUERY
from control.http.schemas import (
    BroadcastAnswer,
    BroadcastBody,
    BroadcastList,
    BroadcastPatch,
    CanariesBody,
    CanaryAnswer,
    CanaryLine,
    ClickList,
    CloseBody,
    ComposeBody,
    ContactAnswer,
    Counted,
    DestinationBody,
    DomainAnswer,
    DomainBody,
    DomainCheckBody,
    DomainList,
    DomainPatch,
    ErasureBody,
    History,
    KeyAnswer,
    KeyBody,
    KeyList,
    LinkAnswer,
    LinkBody,
    LinkLine,
    LinkList,
    LinkPatch,
    LinkState,
    RollbackBody,
    ShareAnswer,
    ShareBody,
    ShareList,
    TappedList,
    Unfinished,
    VerifyBody,
)
from control.reports.shapes import AccountReport, Comparison, Report
from control.verify.domain_findings import DomainChecked
from control.verify.findings import Finding, Progress, Verdict
from messages.line import Draft, DryRun, MessageLine


class Operation(msgspec.Struct, frozen=True):
    name: str  # the method of Api that answers it
    method: str
    path: str
    summary: str
    answer: Any  # a record; of bulk calls the records that a line may be; None: no body
    body: Any = None
    lines: Any = None  # a record that the body may be lines of instead
    answer_lines: Any = None  # a record that the answer is lines of then
    statuses: tuple[int, ...] = (200,)  # of an answer that is not a problem
    ndjson: bool = False
    answers_lines: bool = False  # the answer alone is NDJSON
    idempotent: bool = False  # takes the header Idempotency-Key
    query: tuple[tuple[str, str], ...] = ()  # (name, meaning)
    conditional: bool = False  # takes the header If-Match, a PUT also If-None-Match
    takes_csv: bool = False  # as well, of contacts
    also: tuple[str, ...] = ()  # media types of an answer that is a file

    @property
    def scope(self) -> str:
        """What a key needs for it."""
        return NEEDS[self.name]

    @property
    def answers(self) -> tuple[Any, ...]:
        if self.answer is None:
            return ()
        return self.answer if isinstance(self.answer, tuple) else (self.answer,)


_ACCOUNT = (("account", "An account below the key's own"),)
_SKIP_BAD = (
    (
        "skip_bad",
        "true: a bad line is answered by its number and error, the others get their links. At most 1,000 bad lines are "
        "named; then the last line of the answer says how many more there are",
    ),
)
_CSV = (
    ("map", "Of a CSV body, which column is what, such as contact_id=Phone; may be repeated"),
    ("encoding", "Of a CSV body that is neither UTF-8 nor says it itself"),
)
_MESSAGES = (
    ("dry_run", "true: mints nothing, and answers one JSON object of what would be sent"),
    ("missing", "skip: a line that lacks a field without a default is answered by its number and error; fail without"),
)
_AGAIN = (
    ("again", "true: every contact gets a new link, also one that has its link"),
    ("dry_run", "true: answers one JSON object, how many links are new and how many exist, and mints nothing"),
)
_PROGRESS = (("progress", "true: lines between the findings say how many links an edge was asked for"),)
_BROADCASTS = (
    ("q", "Part of the id, the keyword or the source, in any case"),
    ("state", "live, over (stopped or expired) or archived; all but the archived without it"),
    ("since", "Sent at this time or later, RFC 3339"),
)
_LINKS = (
    ("contact_id", "Of this contact"),
    ("audience", "Of this audience"),
    ("tapped", "true: those that a person tapped; false: the others"),
    ("kind", "personal, shared or canary; all but canaries without it"),
)
_CLICKS = (
    ("class", "human, preview, prefetch, scanner, bot or unknown"),
    ("since", "Clicked at this time or later, RFC 3339"),
)
_TZ = (("tz", "Zone of by_weekday_hour, such as Europe/Berlin; the broadcast's timezone without it"),)
NARROWED = (
    ("audience", "Narrows the report to this audience, as by_audience names it; empty: to links without one"),
    ("destination", "Narrows it to this destination_index"),
    ("device", "To this device_type, as the next four by what the lists have; empty: to what is not known"),
    ("os", "To this system"),
    ("browser", "To this browser"),
    ("country", "To this country"),
    ("region", "To this region"),
    ("class", "To visits of this class, of which the lists then are: human, preview, prefetch, scanner, bot, unknown"),
)
_CONTACTS = (("q", "Part of the contact_id, in any case"),)
_FORMAT = (
    ("format", "csv or xlsx: tables for a spreadsheet; json without it"),
    ("dialect", "Of csv. excel-eu: semicolons, decimal commas, a byte order mark; excel without it"),
)
_COMPARED = (("broadcasts", "Ids of 1 to 20 broadcasts of the account: a,b"),)
TABLE_MEDIA = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_DOMAIN = (("domain", "On this short domain"),)
_QR = (
    ("size", "Width and height in pixels, 64 to 4,096; 512 without it"),
    ("border", "Width of the quiet zone in modules, 0 to 16; 4 without it, which is what scanners expect at least"),
)
_PUT = (200, 201)  # replaced, created
_DELETED = (204,)
_HOURS = (("hours", "Only lanes with a click in so many hours; 24 without it"),)

OPERATIONS = (
    Operation(
        "put_domain", "PUT", "/v1/domains/{domain}", "Register a short domain, or replace what it answers",
        DomainAnswer, DomainBody, statuses=_PUT, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "patch_domain", "PATCH", "/v1/domains/{domain}", "Change any part of what a short domain answers",
        DomainAnswer, DomainPatch, query=_ACCOUNT, conditional=True,
    ),
    Operation("get_domain", "GET", "/v1/domains/{domain}", "What a short domain answers", DomainAnswer, query=_ACCOUNT),
    Operation(
        "delete_domain", "DELETE", "/v1/domains/{domain}", "Give up a short domain that has no links",
        None, statuses=_DELETED, query=_ACCOUNT,
    ),
    Operation(
        "check_domain", "POST", "/v1/domains/{domain}/check",
        "Look at a short domain as recipients meet it: its DNS, its certificate, and that an edge answers",
        DomainChecked, DomainCheckBody, query=_ACCOUNT,
    ),
    Operation(
        "list_domains", "GET", "/v1/domains", "The domains of an account and of those below it, by name",
        DomainList, query=_ACCOUNT + LIST_QUERY,
    ),
    Operation(
        "list_broadcasts", "GET", "/v1/broadcasts", "The broadcasts of an account and of those below it, newest first",
        BroadcastList, query=_ACCOUNT + _BROADCASTS + LIST_QUERY,
    ),
    Operation(
        "put_broadcast", "PUT", "/v1/broadcasts/{broadcast_id}", "Create a broadcast, or replace it",
        BroadcastAnswer, BroadcastBody, statuses=_PUT, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "patch_broadcast", "PATCH", "/v1/broadcasts/{broadcast_id}",
        "Change any part of a broadcast: fix its destinations, stop, resume, extend; in force within a second",
        BroadcastAnswer, BroadcastPatch, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "get_broadcast", "GET", "/v1/broadcasts/{broadcast_id}", "What a broadcast is", BroadcastAnswer, query=_ACCOUNT
    ),
    Operation(
        "delete_broadcast", "DELETE", "/v1/broadcasts/{broadcast_id}", "Delete a broadcast that has no link",
        None, statuses=_DELETED, query=_ACCOUNT,
    ),
    Operation(
        "list_links", "GET", "/v1/broadcasts/{broadcast_id}/links", "The links of a broadcast, as they were minted",
        LinkList, query=_ACCOUNT + _LINKS + LIST_QUERY,
    ),
    Operation(
        "list_clicks", "GET", "/v1/broadcasts/{broadcast_id}/clicks", "The clicks of a broadcast, newest first",
        ClickList, query=_ACCOUNT + _CLICKS + LIST_QUERY,
    ),
    Operation(
        "get_contact", "GET", "/v1/contacts/{contact_id}", "The links and clicks of a contact, across broadcasts",
        ContactAnswer, query=_ACCOUNT,
    ),
    Operation(
        "patch_destination", "PATCH", "/v1/broadcasts/{broadcast_id}/destinations/{index}",
        "Change one of several destinations, numbered from 0; in force within a second",
        BroadcastAnswer, DestinationBody, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "history", "GET", "/v1/broadcasts/{broadcast_id}/history", "Who changed what of a broadcast, oldest first",
        History, query=_ACCOUNT + LIST_QUERY,
    ),
    Operation(
        "roll_back", "POST", "/v1/broadcasts/{broadcast_id}/rollback",
        "Take back every change after a version of the history, by default the last change",
        BroadcastAnswer, RollbackBody, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "mint", "POST", "/v1/broadcasts/{broadcast_id}/links",
        "Mint the links of a broadcast: a line in for each contact, a line out for each link; a contact that has its"
        " link gets the same one, marked existing",
        (LinkLine, BadLine, Counted), ContactLine, ndjson=True, idempotent=True, takes_csv=True,
        query=_ACCOUNT + _SKIP_BAD + _CSV + _AGAIN,
    ),
    Operation(
        "messages", "POST", "/v1/broadcasts/{broadcast_id}/messages",
        "Mint the links of a broadcast and put them into its text: a line in and a message out for each contact",
        (MessageLine, BadLine, DryRun), ContactLine, ndjson=True, idempotent=True,
        query=_ACCOUNT + _SKIP_BAD + _CSV + _MESSAGES, takes_csv=True,
    ),
    Operation(
        "compose", "POST", "/v1/compose",
        "What messages a text gives, before there is a broadcast: segments, warnings, samples; keeps and mints nothing",
        (Draft, Unfinished), ComposeBody, query=_ACCOUNT,
    ),
    Operation(
        "create_canaries", "POST", "/v1/broadcasts/{broadcast_id}/canaries",
        "Mint links that look like those of the broadcast and are in none of its figures, to see who taps them: so many"
        " to send to nobody, or one for each contact, a contact a line and the answer too",
        CanaryAnswer, CanariesBody, lines=ContactLine, answer_lines=CanaryLine, statuses=(201,), idempotent=True,
        query=_ACCOUNT,
    ),
    Operation(
        "verify", "POST", "/v1/broadcasts/{broadcast_id}/verify",
        "Check a broadcast before it is sent: its links, where an edge sends them, the pages: a line for each finding,"
        " the verdict last",
        (Finding, Progress, Verdict), VerifyBody, answers_lines=True, query=_ACCOUNT + _PROGRESS,
    ),
    Operation(
        "report", "GET", "/v1/broadcasts/{broadcast_id}/report", "Engagement of a broadcast", Report,
        query=_ACCOUNT + _TZ + NARROWED + _FORMAT, also=TABLE_MEDIA,
    ),
    Operation(
        "list_contacts", "GET", "/v1/broadcasts/{broadcast_id}/contacts",
        "The contacts that tapped a broadcast, the latest to begin first",
        TappedList, query=_ACCOUNT + _CONTACTS + NARROWED + LIST_QUERY,
    ),
    Operation(
        "create_share", "POST", "/v1/broadcasts/{broadcast_id}/shares",
        "Make an address that shows the report of a broadcast without a key, until it expires or is revoked",
        ShareAnswer, ShareBody, statuses=(201,), query=_ACCOUNT,
    ),
    Operation(
        "list_shares", "GET", "/v1/broadcasts/{broadcast_id}/shares", "The shares of a report that are in force",
        ShareList, query=_ACCOUNT,
    ),
    Operation(
        "revoke_share", "DELETE", "/v1/shares/{share_id}", "Revoke a share: its address shows nothing from now on",
        None, statuses=_DELETED, query=_ACCOUNT,
    ),
    Operation(
        "compare", "GET", "/v1/report", "Engagement of several broadcasts side by side, by the hour since their send",
        Comparison, query=_ACCOUNT + _COMPARED + _TZ + _FORMAT, also=TABLE_MEDIA,
    ),
    Operation(
        "account_report", "GET", "/v1/accounts/{account}/report", "Engagement of an account and all below it",
        AccountReport, query=_FORMAT, also=TABLE_MEDIA,
    ),
    Operation(
        "create_link", "POST", "/v1/links", "Make one shared link, with a slug or a code",
        LinkAnswer, LinkBody, statuses=(201,), idempotent=True, query=_ACCOUNT,
    ),
    Operation(
        "list_shared_links", "GET", "/v1/links", "The shared links of an account and of those below it",
        LinkList, query=_ACCOUNT + _DOMAIN + LIST_QUERY,
    ),
    Operation(
        "patch_link", "PATCH", "/v1/links/{domain}/{code}", "Change a shared link with a destination of its own",
        LinkState, LinkPatch, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "delete_link", "DELETE", "/v1/links/{domain}/{code}",
        "Delete a shared link with a destination of its own: it answers 410, its slug stays taken",
        None, statuses=_DELETED, query=_ACCOUNT, conditional=True,
    ),
    Operation(
        "get_link", "GET", "/v1/links/{domain}/{code}", "What a link is and where it goes now",
        LinkState, query=_ACCOUNT,
    ),
    Operation(
        "qr_svg", "GET", "/v1/links/{domain}/{code}/qr.svg", "A QR code of a link; its scans have via = 'qr' in clicks",
        None, query=_ACCOUNT + _QR, also=("image/svg+xml",),
    ),
    Operation(
        "qr_png", "GET", "/v1/links/{domain}/{code}/qr.png", "The same as a PNG", None, query=_ACCOUNT + _QR,
        also=("image/png",),
    ),
    Operation(
        "create_key", "POST", "/v1/keys", "Make a key for an account, in force within a second",
        KeyAnswer, KeyBody, statuses=(201,), query=_ACCOUNT,
    ),
    Operation(
        "list_keys", "GET", "/v1/keys", "The keys that were made for an account and for those below it, oldest first",
        KeyList, query=_ACCOUNT + LIST_QUERY,
    ),
    Operation(
        "revoke_key", "DELETE", "/v1/keys/{key_id}", "Revoke a key: void within a second", None, statuses=_DELETED,
        query=_ACCOUNT,
    ),
    Operation(
        "erase", "POST", "/v1/erasures",
        "Erase a contact: a random token takes the place of its id, in all links and clicks; every sum stays",
        ErasureState, ErasureBody, statuses=(202,), query=_ACCOUNT,
    ),
    Operation("get_erasure", "GET", "/v1/erasures/{erasure_id}", "How far an erasure is", ErasureState, query=_ACCOUNT),
    Operation("ledger", "GET", "/v1/ledger", "Whether every answered tap is accounted for", Ledger),
    Operation(
        "close_lane", "POST", "/v1/lanes/{lane}/close", "Give up the clicks of a lane whose disk is lost",
        Closed, CloseBody,
    ),
    Operation(
        "audit", "GET", "/v1/audit",
        "Whether clicks are missing from the tables or doubled in them, lane by lane",
        Audit, query=_HOURS,
    ),
)  # fmt: skip
