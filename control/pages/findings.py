"""What canaries and forwarded links say of a report's numbers, in sentences. Pure."""

from control.pages.formats import NARROW, many, number, share
from control.reports.shapes import Canaries, Report

Interval = tuple[float, float]


def of_canaries(canaries: Canaries) -> list[str]:
    """Nothing where there are none."""
    if not canaries.links:
        return []
    return [_scanned(canaries), _missed(canaries)] if canaries.tapped else [_scanned(canaries)]


def of_forwarded(report: Report) -> list[str]:
    said = [_forwarded(report.forwarded.links, report.forwarded.taps)]
    if report.passed_on_links:
        said.append(
            f"{many(report.passed_on_links, 'personal link was', 'personal links were')} tapped by more people on one "
            "day than one can be."
        )
    return said


def _scanned(canaries: Canaries) -> str:
    if not canaries.tapped:
        return (
            f"None of {many(canaries.links, 'canary', 'canaries')} was tapped: machines that look at every link are "
            f"rare here. With 95{NARROW}% certainty they look at no more than {share(canaries.scan_rate_95[1])} of the "
            "links."
        )
    return (
        f"{number(canaries.tapped)} of {many(canaries.links, 'canary', 'canaries')} "
        f"{'was' if canaries.tapped == 1 else 'were'} tapped ({share(canaries.scan_rate)}), by machines if nobody has "
        f"them: they look at {_between(canaries.scan_rate_95)} of all links."
    )


def _missed(canaries: Canaries) -> str:
    if not canaries.judged_human:
        return (
            "Each of these was known to be a machine's, so that the people of this report are people. Of such "
            f"machines, no more than {share(canaries.miss_rate_95[1])} pass for people, with 95{NARROW}% certainty."
        )
    return (
        f"{number(canaries.judged_human)} of these passed for a person ({share(canaries.miss_rate)}): of such "
        f"machines, {_between(canaries.miss_rate_95)} are among the people of this report."
    )


def _between(interval: Interval) -> str:
    return f"between {share(interval[0])} and {share(interval[1])}, with 95{NARROW}% certainty,"


def _forwarded(links: int, taps: int) -> str:
    if not links:
        return "No personal link was tapped with two different devices."
    return (
        f"{many(links, 'personal link was', 'personal links were')} tapped with more than one device; "
        f"{many(taps, 'tap', 'taps')} came from the others, which may be other people."
    )
