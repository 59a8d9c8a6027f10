"""Whether a Locust run is worse than that of the last release. Pure.

A machine's own slowness is in both runs of a pair, the edge's and a bare server's: what is compared is their ratio. The
pair of the last release is best one beside other work: on an idle machine no tap is slow, and any later one would be a rise.
"""

import msgspec

SLOW_MS = 50.0
LEAST_SHARE = 0.001  # below one tap in a thousand a share says nothing, so that both begin there
MOST_RISE = 2.0  # of the ratio of slow taps: it varies that much between runs beside other work


class Shares(msgspec.Struct, frozen=True):
    """Of the taps of one run."""

    slow: float  # answered after more than SLOW_MS
    wrong: float
    not_recorded: float = 0.0  # redirects without a row; a bare server records nothing


class Pair(msgspec.Struct, frozen=True):
    """The same taps to the edge and to a bare server, one run behind the other."""

    edge: Shares
    bare: Shares

    @property
    def slow_ratio(self) -> float:
        return (self.edge.slow + LEAST_SHARE) / (self.bare.slow + LEAST_SHARE)


def risen(now: Pair, last: Pair) -> list[str]:
    """What is worse now, in words."""
    found = []
    if now.slow_ratio > MOST_RISE * last.slow_ratio:
        found.append(
            f"taps over {SLOW_MS:.0f} ms: {now.edge.slow:.2%}, {now.slow_ratio:.1f} times a bare server's; "
            f"{last.slow_ratio:.1f} at the last release"
        )
    if now.edge.wrong > max(last.edge.wrong, now.bare.wrong):
        found.append(f"wrong answers: {now.edge.wrong:.3%}; {last.edge.wrong:.3%} at the last release")
    if now.edge.not_recorded > last.edge.not_recorded:
        found.append(f"not recorded: {now.edge.not_recorded:.3%}; {last.edge.not_recorded:.3%} at the last release")
    return found
