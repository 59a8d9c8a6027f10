"""The history of one contact in words: its links, and each visit of them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from control.http.schemas import LinkState
from control.pages.formats import NONE
from control.pages.report_view import CLASS_NAMES, NO_MACHINES
from control.reports.links import Tapped
from visitors.meanings import meaning_of

_STATES = {"live": "good", "stopped": "bad", "too_long": "bad"}  # the others are plain
_REFUSALS = {
    "expired": "The link was over.",
    "stopped": "The broadcast was stopped.",
    "not_yet": "The link was not valid yet.",
    "too_long": "The destination was too long to send anybody there.",
}


class LinkLine(NamedTuple):
    link: LinkState
    state: str
    kind: str  # of its badge
    minted_at: datetime
    tapped: Tapped


class Visit(NamedTuple):
    at: datetime
    account: str
    broadcast_id: str
    who: str
    why: str  # what decided that it is a machine, or why nobody was led on
    device: str
    place: str


class History(NamedTuple):
    """The newest first."""

    links: list[LinkLine]
    visits: list[Visit]
    broadcasts: int
    taps: int
    machines: int
    forwarded: int  # links


def history_of(links: Sequence[LinkState], tapped: Sequence[Tapped], clicks: Sequence[Mapping[str, Any]]) -> History:
    """tapped: one for each link. clicks: rows of the table, as the API gives them."""
    return History(
        [_line(link, one) for link, one in zip(links, tapped, strict=True)],
        [_visit(row) for row in clicks],
        broadcasts=len({(link.account, link.broadcast_id) for link in links}),
        taps=sum(one.taps for one in tapped),
        machines=sum(one.machines for one in tapped),
        forwarded=sum(one.forwarded > 0 for one in tapped),
    )


def _line(link: LinkState, tapped: Tapped) -> LinkLine:
    return LinkLine(
        link, link.state.replace("_", " "), _STATES.get(link.state, "plain"), _moment(link.minted_at), tapped
    )


def _visit(row: Mapping[str, Any]) -> Visit:
    kind, reasons = row["visit_class"], row["class_reasons"]
    why = [meaning_of(reasons[0])] if reasons and kind not in NO_MACHINES else []
    refused = [_REFUSALS.get(row["refusal"], f"A page answered: {row['refusal']}.")] if row["refusal"] else []
    return Visit(
        _moment(row["clicked_at"]), row["account"], row["broadcast_id"],
        "A person" if kind == "human" else CLASS_NAMES[kind], " ".join(refused + why),
        _joined(
            row["device_model"] or row["device_type"], _joined(row["os"], row["os_version"], by=" "),
            _joined(row["browser"], row["browser_version"], by=" "),
        ) or NONE,
        _joined(row["city"], row["region"], row["country"]) or NONE,
    )  # fmt: skip


def _moment(text: str) -> datetime:
    return msgspec.convert(text, datetime)


def _joined(*parts: str, by: str = ", ") -> str:
    return by.join(part for part in parts if part)
