"""What was answered and how long it took, in plain integers: the hot path counts once for a tick, not for a tap."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise, product

from edge.tap import Answered
from routing.reasons import Reason
from runtime.histogram import SECONDS, Histogram

STAGES = ("resolve", "decide", "record", "respond")


class TapStats:
    def __init__(self) -> None:
        # (status, whether the link is a contact's own) and (reason, whether the short domain is known). From 0: a rate
        # does not see the first of what was not there before.
        self.redirects = defaultdict(int, dict.fromkeys(product((302,), (True, False)), 0))
        self.refusals = dict.fromkeys(product(Reason, (True, False)), 0)
        self.failed = 0  # answered 503 because of a defect
        self.shed = 0  # of the refusals: connections turned away unread
        self.seconds = Histogram(SECONDS)
        self.stages = [Histogram(SECONDS) for _ in STAGES]

    def answered(self, answered: Sequence[Answered], *moments: float) -> None:
        """Visits that were answered together. moments: the begin, then the end of each stage; seconds."""
        self.add_outcomes(answered)
        self.add_times(len(answered), moments)

    def add_outcomes(self, answered: Sequence[Answered]) -> None:
        redirects, refusals = self.redirects, self.refusals
        for each in answered:
            decision, link = each.decision, each.found.link
            if decision.reason is None:  # 0.15 us a tap; collections.Counter and bool() took 0.35
                outcome = decision.status, link is not None and link.contact_id != ""
                redirects[outcome] += 1
            else:
                refusals[decision.reason, each.found.domain is not None] += 1

    def add_times(self, taps: int, moments: Sequence[float]) -> None:
        for stage, (start, end) in zip(self.stages, pairwise(moments), strict=True):
            stage.observe(end - start, taps)
        self.seconds.observe(moments[-1] - moments[0], taps)

    def overloaded(self, *, unread: bool = False) -> None:
        """A visit that was turned away immediately."""
        self.refusals[Reason.OVERLOADED, False] += 1
        self.shed += unread
