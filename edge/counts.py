"""What was answered and how long it took, in plain integers: the hot path counts once for a tick, not for a tap."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from edge.decide import OVERLOADED, Answered, Redirect
from runtime.histogram import SECONDS, Histogram

STAGES = ("resolve", "decide", "record", "respond")


class Counts:
    def __init__(self) -> None:
        self.redirects: Counter[tuple[int, bool]] = Counter()  # (status, whether the link is a contact's own)
        self.refusals: Counter[tuple[str, bool]] = Counter()  # (reason, whether the short domain is known)
        self.failed = 0  # answered 503 because of a defect
        self.shed = 0  # of the refusals: connections turned away unread
        self.seconds = Histogram(SECONDS)
        self.stages = [Histogram(SECONDS) for _ in STAGES]

    def answered(self, answered: Sequence[Answered], *moments: float) -> None:
        """Visits that were answered together. moments: the begin, then the end of each stage; seconds."""
        for one in answered:
            decision, target = one.decision, one.target
            if isinstance(decision, Redirect):
                self.redirects[decision.status, bool(target.link and target.link.contact_id)] += 1
            else:
                self.refusals[decision.reason, target.domain is not None] += 1
        taps = len(answered)
        for stage, (start, end) in zip(self.stages, pairwise(moments), strict=True):
            stage.observe(end - start, taps)
        self.seconds.observe(moments[-1] - moments[0], taps)

    def overloaded(self, *, unread: bool = False) -> None:
        """A visit that was turned away at once."""
        self.refusals[OVERLOADED.reason, False] += 1
        self.shed += unread
