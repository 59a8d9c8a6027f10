"""What Redis holds of lanes: their edges' reports and the watermarks. Entries that neither wrote are left out."""

import re
from collections.abc import Iterable, Mapping

import msgspec

Text = bytes | str  # clients differ
SILENT_AFTER_MS = 60_000
_NAME = re.compile(rb"[0-9a-f]{16}")


class LaneReport(msgspec.Struct, frozen=True):
    """What an edge reports of one of its lanes, once a second (JSON in hash LANES)."""

    edge_id: str
    answered: int  # visits of known links answered; of a dead process those that it reported or recorded
    spooled: int  # last seq in the spool
    shipped: int  # last seq Redis has accepted
    updated_at_ms: int
    ended: bool = False  # no more clicks will come: the last seq is `spooled`
    unrecorded: int = 0  # answered and lost: neither in the spool nor in memory for it


_report = msgspec.json.Decoder(LaneReport)


def lane_named(name: Text) -> int | None:
    """The inverse of lane_name; None for a name that no edge gave."""
    name = name.encode() if isinstance(name, str) else name
    return int(name, 16) if _NAME.fullmatch(name) else None


def lanes_in(names: Iterable[Text]) -> list[int]:
    return [lane for name in names if (lane := lane_named(name)) is not None]


def reports_in(registered: Mapping[Text, Text]) -> dict[int, LaneReport]:
    """The hash LANES, as far as it can be read."""
    reports = {}
    for name, value in registered.items():
        lane, report = lane_named(name), report_in(value)
        if lane is not None and report is not None:
            reports[lane] = report
    return reports


def report_in(value: Text | None) -> LaneReport | None:
    """A field of it; None where there is none, or none that can be read."""
    try:
        return _report.decode(value) if value is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_silent(report: LaneReport, now_ms: int) -> bool:
    """Whether the edge of a lane that is not over has not been heard of for a minute: stopped, cut off or lost."""
    return not report.ended and now_ms - report.updated_at_ms > SILENT_AFTER_MS


def watermarks_in(published: Mapping[Text, Text]) -> dict[int, int]:
    """The hash WATERMARKS, as far as it can be read."""
    found = {lane_named(name): watermark_in(value) for name, value in published.items()}
    return {lane: seq for lane, seq in found.items() if lane is not None}


def watermark_in(value: Text | None) -> int:
    """A field of it; 0 where nothing is known."""
    return int(value) if value is not None and value.isdigit() else 0
