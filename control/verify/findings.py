"""What verification says: findings, and the verdict that follows from them. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

Outcome = Literal["fail", "unsure", "warn"]
Check = Literal[
    "links-per-contact", "code-twice", "edge", "status", "final-host", "redirects", "tls", "certificate-age",
    "soft-404", "http", "address", "text",
]  # fmt: skip
MAX_EXAMPLES = 20


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong (fail), that nobody can tell from here (unsure), or that costs taps (warn)."""

    outcome: Outcome
    check: Check
    detail: str
    examples: Sequence[str] = ()  # at most MAX_EXAMPLES


class Progress(msgspec.Struct, frozen=True):
    """How many links an edge was asked for; sent where the caller asked for it."""

    asked: int
    of: int


class Counts(msgspec.Struct, frozen=True):
    links: int  # of the broadcast
    links_asked: int  # of an edge
    destinations_fetched: int
    fail: int  # findings
    unsure: int
    warn: int


class Verdict(msgspec.Struct, frozen=True):
    verdict: Literal["pass", "fail", "unsure"]
    counts: Counts


def verdict_of(findings: Sequence[Finding], *, links: int, links_asked: int, destinations_fetched: int) -> Verdict:
    """One failure fails the whole; warnings fail nothing."""
    by_outcome = Counter(finding.outcome for finding in findings)
    counts = Counts(
        links, links_asked, destinations_fetched, by_outcome["fail"], by_outcome["unsure"], by_outcome["warn"]
    )
    return Verdict("fail" if counts.fail else "unsure" if counts.unsure else "pass", counts)
