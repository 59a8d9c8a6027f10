"""Finds scanners by what one network does to the links of many contacts: no visit shows it alone. Pure.

Many people stand behind one address of a mobile carrier: how many contacts a network has tapped for is never enough.
Their number has to be more than chance explains, and two other signs have to agree.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import exp, sqrt
from operator import attrgetter
from statistics import fmean, median, pstdev

import msgspec

from visitors.neighbours import ALL_AT_ONCE, MANY_CONTACTS, TOO_SOON

SHORT_S, LONG_S = WINDOWS_S = (60, 900)
AROUND_S = 900  # visits of the same agent before and after a scan belong to it
FEWEST_CONTACTS = 5
FEWEST_IN_A_ROW = 8  # visits: an order of fewer is chance too often
FEWEST_AT_A_PACE = 12
IN_ORDER = 0.97  # rank correlation of visits and link ids
ASCENDING = 0.95  # share of visits to a later link than the one before
CHANCE = 1e-4  # that people alone are as many in a window
ALL_LINKS_S = 5.0  # in which a scan follows all links of a message
TOO_SOON_S = 1.0
AT_ONCE_S = 2.0
SOON_S = 2.0  # median of a window since the send
MAX_BEFORE_SEND = 0.01  # share of a broadcast's visits; more of them, and the time of the send is wrong


class Tap(msgspec.Struct, frozen=True, gc=False):
    """What the row of a visit of a personal link says."""

    at_ms: int
    link_id: int
    contact_id: str
    agent: str
    is_rented_network: bool = False  # of a hosting or security company


class Sending(msgspec.Struct, frozen=True):
    """What is known of a broadcast."""

    sent_at_ms: int = 0  # 0: not known, or not to be believed
    links_a_message: int = 1
    people_a_minute: float = 0.0  # visits judged human, from all networks
    share: float = 0.0  # of this network in the visits of other broadcasts, 0 to 1; 0 where there is no history


Span = tuple[int, int]  # Unix milliseconds, both ends included


def trusted_send(sent_at_ms: int, visits: int, before: int) -> int:
    """When a broadcast was sent; 0 where visits before that show that the time is wrong."""
    return sent_at_ms if before <= MAX_BEFORE_SEND * visits else 0


def reasons_of(taps: Sequence[Tap], sending: Sending, scans: Mapping[str, list[Span]]) -> dict[int, set[str]]:
    """Why visits are a machine's, by their index. taps: of one broadcast and network for a while; scans: among them."""
    reasons: defaultdict[int, set[str]] = defaultdict(set)
    for index, tap in enumerate(taps):
        if any(first <= tap.at_ms <= last for first, last in scans.get(tap.agent, ())):
            reasons[index].add(MANY_CONTACTS)
        if sending.sent_at_ms and 0 <= tap.at_ms - sending.sent_at_ms <= TOO_SOON_S * 1000:
            reasons[index].add(TOO_SOON)
    for index in _at_once(taps, sending.links_a_message):
        reasons[index].add(ALL_AT_ONCE)
    return dict(reasons)


def scans_in(taps: Sequence[Tap], sending: Sending) -> dict[str, list[Span]]:
    """By agent, when a scanner of the network used it for links of one broadcast."""
    ordered = sorted(taps, key=attrgetter("at_ms"))
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for length_s in WINDOWS_S:
        for window in _windows(ordered, length_s):
            for group in _scans(window, length_s, sending):
                span = group[0].at_ms - AROUND_S * 1000, group[-1].at_ms + AROUND_S * 1000
                for agent in {tap.agent for tap in group}:
                    spans[agent].append(span)
    return {agent: _joined(each) for agent, each in spans.items()}


def _windows(ordered: Sequence[Tap], length_s: int) -> Iterator[list[Tap]]:
    """Each half a window after the one before, so that what takes half of one lies in one whole."""
    halves: defaultdict[int, list[Tap]] = defaultdict(list)
    for tap in ordered:
        halves[tap.at_ms // (length_s * 500)].append(tap)
    for half, taps in halves.items():
        if half - 1 not in halves:
            yield taps
        yield taps + halves.get(half + 1, [])


def _scans(window: list[Tap], length_s: int, sending: Sending) -> Iterator[list[Tap]]:
    """The visits of each agent that scans; of the others all together, as a scanner may change its agent.

    People stand beside a scanner: what its own agent explains says nothing of theirs.
    """
    by_agent: defaultdict[str, list[Tap]] = defaultdict(list)
    for tap in window:
        by_agent[tap.agent].append(tap)
    has_few_agents = len(by_agent) <= max(1.0, 0.1 * len({tap.contact_id for tap in window}))
    scanning = set()
    for agent, group in by_agent.items():
        if _is_scan(group, length_s, sending, has_few_agents=has_few_agents):
            scanning.add(agent)
            yield group
    rest = [tap for tap in window if tap.agent not in scanning]
    if _is_scan(rest, length_s, sending):
        yield rest


def _is_scan(group: list[Tap], length_s: int, sending: Sending, *, has_few_agents: bool = False) -> bool:
    """has_few_agents: of the network, for the contacts it has visited for; people have many, but for a company's."""
    if len(group) < FEWEST_CONTACTS:
        return False
    contacts = len({tap.contact_id for tap in group})
    expected = sending.people_a_minute * length_s / 60 * sending.share
    if contacts < max(FEWEST_CONTACTS, poisson_quantile(expected)):
        return False
    signs = (
        has_few_agents,
        group[0].is_rented_network,
        _follows_whole_messages(group, sending.links_a_message),
        _is_soon(group, sending.sent_at_ms),
        _is_in_order(group, length_s),
        _is_even(group),
    )
    return sum(signs) >= 2


def _follows_whole_messages(group: list[Tap], links_a_message: int) -> bool:
    """For at least half of the contacts all links of the message, at about the same time."""
    if links_a_message < 2:
        return False
    times: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for tap in group:
        times[tap.contact_id].setdefault(tap.link_id, tap.at_ms)
    whole = sum(
        len(links) >= links_a_message and max(links.values()) - min(links.values()) <= ALL_LINKS_S * 1000
        for links in times.values()
    )
    return 2 * whole >= len(times)


def _is_soon(group: list[Tap], sent_at_ms: int) -> bool:
    return bool(sent_at_ms) and 0 <= median(tap.at_ms - sent_at_ms for tap in group) <= SOON_S * 1000


def _is_in_order(group: list[Tap], length_s: int) -> bool:
    """Whether links are visited in the order in which they were minted, which is mostly that of the send.

    Over a minute nearly, over longer from each visit to the next: people follow the order of a slow send from afar.
    """
    links = list(dict.fromkeys(tap.link_id for tap in group))
    if len(links) < FEWEST_IN_A_ROW:
        return False
    if sum(before < after for before, after in pairwise(links)) >= ASCENDING * (len(links) - 1):
        return True
    return length_s <= SHORT_S and rank_correlation(links) > IN_ORDER


def _is_even(group: list[Tap]) -> bool:
    """Whether the visits come at an even pace; those of people are as uneven as chance."""
    if len(group) < FEWEST_AT_A_PACE:
        return False
    gaps = [after.at_ms - before.at_ms for before, after in pairwise(group)]
    return pstdev(gaps) < 0.3 * fmean(gaps)


def _at_once(taps: Sequence[Tap], links_a_message: int) -> Iterator[int]:
    """Visits of one agent to every link of one message within two seconds: nobody reads two pages that fast."""
    if links_a_message < 2:
        return
    messages: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index in sorted(range(len(taps)), key=lambda index: taps[index].at_ms):
        messages[taps[index].contact_id, taps[index].agent].append(index)
    for indices in messages.values():
        start, told, links = 0, 0, Counter[int]()
        for end, index in enumerate(indices):
            links[taps[index].link_id] += 1
            while taps[index].at_ms - taps[indices[start]].at_ms > AT_ONCE_S * 1000:
                links[taps[indices[start]].link_id] -= 1
                start += 1
            if len(+links) >= links_a_message:
                yield from indices[max(start, told) : end + 1]
                told = end + 1


def _joined(spans: list[Span]) -> list[Span]:
    """The same time, without overlaps."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return joined


def rank_correlation(values: Sequence[int]) -> float:
    """Spearman's rho of distinct values and their order, -1 to 1."""
    count = len(values)
    ranks = {value: rank for rank, value in enumerate(sorted(values))}
    squares = sum((ranks[value] - index) ** 2 for index, value in enumerate(values))
    return 1 - 6 * squares / (count * (count * count - 1))


def poisson_quantile(mean: float) -> int:
    """The least number that a Poisson variable of this mean exceeds with a chance of less than CHANCE."""
    if mean > 500:  # by the normal distribution; its 99.99 % quantile
        return int(mean + 3.72 * sqrt(mean)) + 1
    term = total = exp(-mean)
    number = 0
    while total < 1 - CHANCE:
        number += 1
        term *= mean / number
        total += term
    return number
