"""What a report warns of: counts that make its other figures doubtful, or by which the next message gets better."""

from typing import NamedTuple

import msgspec

from messages.warnings import Kind


class Advice(NamedTuple):
    """Each text begins in lower case and has no full stop."""

    short: str  # what is counted, in a word or three
    means: str
    remedy: str
    unit: str = ""  # of the count


_OF_NUMBERS = {
    "canaries-judged-human": Advice(
        "canaries taken for people",
        "canaries were tapped by what was taken for a person",
        "if no person has them, machines are among the people of this report",
    ),
    "composed-again": Advice(
        "composed again",
        "messages were composed beyond one for each contact, and are in segments",
        "send each contact the newest one only",
    ),
    "found-it-over": Advice(
        "found it over",
        "visits of people found the link over",
        "extend or resume the broadcast, or give it a fallback",
    ),
    "passed-on-links": Advice(
        "passed on",
        "personal links were tapped by more people than one can be",
        "their contact may be none of them: do not read a tap there as the contact's own",
    ),
    "taps-before-send": Advice(
        "before the send",
        "taps of people came before the send and are in no time to tap",
        "put sent_at right",
    ),
    "unjudged-visits": Advice(
        "unjudged",
        "visits are of no known machine and of no known browser",
        "people may be missing: look at the reasons beside people and machines",
    ),
}
# What a text costs or loses; messages/warnings.py says what each means.
_REMEDIES = {
    Kind.SEVERAL_LINKS: ("several links", "keep the one link that matters"),
    Kind.LINK_INSIDE: ("link inside the text", "put the link at the beginning or the end"),
    Kind.SEVERAL_SEGMENTS: ("several segments", "shorten the text until it fits into one segment"),
    Kind.OVER_THREE: ("over three segments", "shorten the text to three segments at most"),
    Kind.UNICODE: ("Unicode", "replace that character by one of GSM-7"),
    Kind.PUBLIC_SHORTENER: ("public shortener", "use the destination itself; Taptrail shortens it"),
    Kind.BARE_DOMAIN: ("bare domain", "write https:// before it"),
    Kind.URL_IN_FIELD: ("URL in a field", "write the URL into the text, with the field as a part of it"),
    Kind.EMPTY_FIELD: ("empty field", "say what stands there instead, as in {first_name|there}"),
    Kind.NO_OPT_OUT: ("no opt-out", "add how to opt out, such as: Reply STOP"),
}
ADVICE: dict[str, Advice] = _OF_NUMBERS | {
    kind.value: Advice(short, kind.meaning, remedy, "messages") for kind, (short, remedy) in _REMEDIES.items()
}


class WarningRow(msgspec.Struct):
    """detail: what was counted, and what to do."""

    warning: str
    count: int
    detail: str = ""


def advice_on(warning: str) -> Advice:
    """Of a kind that a later version counted, its name."""
    return ADVICE.get(warning) or Advice(
        warning, "a later version counted this", "docs/figures.md of that version says more"
    )


def ranked(found: list[WarningRow]) -> list[WarningRow]:
    """Those that count something, the most first, each with its detail."""
    rows = sorted((row for row in found if row.count), key=lambda row: (-row.count, row.warning))
    for row in rows:
        advice = advice_on(row.warning)
        row.detail = f"{advice.unit}{': ' if advice.unit else ''}{advice.means}; {advice.remedy}"
    return rows
