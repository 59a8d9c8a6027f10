"""What a report warns of: counts that make its other figures doubtful, or by which the next message gets better."""

import msgspec

from messages.warnings import MEANINGS

_OF_NUMBERS = {
    "canaries-judged-human": "canaries were tapped by what was taken for a person: if no person has them, machines are"
    " among the people of this report",
    "composed-again": "messages were composed beyond one for each contact, and are in segments",
    "found-it-over": "visits of people found the link over: extend or resume the broadcast, or give it a fallback",
    "passed-on-links": "personal links were tapped by more people than one can be: their contact may be none of them",
    "taps-before-send": "taps of people came before the send and are in no time to tap: put sent_at right",
    "unjudged-visits": "visits are of no known machine and of no known browser: people may be missing",
}


class WarningRow(msgspec.Struct):
    """detail: what was counted, and what to do."""

    warning: str
    count: int
    detail: str = ""


def ranked(found: list[WarningRow]) -> list[WarningRow]:
    """Those that count something, the most first, each with its detail."""
    rows = sorted((row for row in found if row.count), key=lambda row: (-row.count, row.warning))
    for row in rows:
        row.detail = _OF_NUMBERS.get(row.warning) or f"messages: {MEANINGS.get(row.warning, row.warning)}"
    return rows
