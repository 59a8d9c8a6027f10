"""What the rows beside a visit say of it: evidence that no row holds by itself, so its reasons are kept. Pure."""

from collections.abc import Iterable

from visitors.agents import VisitClass
from visitors.classify import Verdict

# Reasons that other rows of the broadcast gave. No rule over a row's own columns finds them again.
NEIGHBOUR_REASONS = (
    MANY_CONTACTS := "many-contacts-one-network",
    TOO_SOON := "too-soon-after-send",
    ALL_AT_ONCE := "all-links-at-once",
)

# Headers and network name no machine, or only say that machines are there too.
JUDGED_BY_NEIGHBOURS = frozenset({VisitClass.HUMAN, VisitClass.UNKNOWN})


def with_neighbours(verdict: Verdict, reasons: Iterable[str]) -> Verdict:
    """The verdict on a row's own evidence, after what its neighbours gave: that wins, and makes it a scanner's.

    reasons: of the row; those among them that neighbours gave stand first in the answer. Giving it the reasons of its
    own answer changes nothing.
    """
    given = set(reasons)
    kept = tuple(reason for reason in NEIGHBOUR_REASONS if reason in given)
    return Verdict(VisitClass.SCANNER, kept + verdict.reasons) if kept else verdict
