"""How many visits of scanners are found, and how many people are taken for one, over broadcasts made up with a seed.

python -m loadtest.scanner_simulation [--sends 20000] [--prefixes 256] [--seeds 10]

People tap a while after they get the message (log-normal), most from the few addresses of their carriers, some from
the one address of their company, with agents as unevenly spread as in the field. Scanners of four kinds follow the
links: one walks through them in order, one follows both links of each message as it is delivered, one follows a link
of each message from an address that its company's people use too, one changes its agent all the time.
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from visitors.scanners import Sending, Tap, reasons_of, scans_in

LINKS = 2  # a message
SENT_A_SECOND = 200
TAPPING = 0.15  # share of the people
MINUTES_TO_TAP, SPREAD = 4.0, 1.6  # median, and sigma of its logarithm
CARRIERS, COMPANIES = 0.85, 0.10  # of the people; the others have a network of their own
COMPANY_NETWORKS = 20
AGENTS = [f"agent-{number}" for number in range(300)]
AGENT_WEIGHTS = [1 / (number + 1) ** 1.3 for number in range(300)]  # the first has a third of the people


class Visit(NamedTuple):
    network: str
    tap: Tap
    is_scanner: bool


def people(chance: random.Random, sends: int, prefixes: int) -> Iterator[Visit]:
    carriers = [f"carrier-{number}" for number in range(prefixes)]
    carrier_weights = [1 / (number + 1) for number in range(prefixes)]
    company_agents = {number: chance.choices(AGENTS, AGENT_WEIGHTS, k=2) for number in range(COMPANY_NETWORKS)}
    for contact in range(sends):
        if chance.random() > TAPPING:
            continue
        kind = chance.random()
        agent = chance.choices(AGENTS, AGENT_WEIGHTS)[0]
        if kind < CARRIERS:
            network = chance.choices(carriers, carrier_weights)[0]
        elif kind < CARRIERS + COMPANIES:
            company = chance.randrange(COMPANY_NETWORKS)
            network, agent = f"company-{company}", chance.choice(company_agents[company])
        else:
            network = f"home-{contact}"
        at_s = delivered_s(chance, contact) + 60 * MINUTES_TO_TAP * chance.lognormvariate(0, SPREAD)
        link = 0 if chance.random() < 0.7 else 1
        yield _visit(network, contact, link, at_s, agent)
        if chance.random() < 0.1:
            yield _visit(network, contact, chance.randrange(LINKS), at_s + chance.uniform(4, 90), agent)


def scanners(chance: random.Random, sends: int) -> Iterator[Visit]:
    yield from _walking(chance, sends)
    yield from _following_whole_messages(chance, sends)
    yield from _beside_people(chance, sends)
    yield from _changing_agents(chance, sends)


def _walking(chance: random.Random, sends: int) -> Iterator[Visit]:
    agent = chance.choices(AGENTS, AGENT_WEIGHTS)[0]
    first, count = chance.randrange(sends // 2), chance.randint(40, 400)
    at_s = chance.uniform(30, 3600)
    for contact in range(first, min(first + count, sends)):
        at_s += chance.uniform(0.2, 2.0)
        yield _visit("walking", contact, 0, at_s, agent, is_scanner=True)


def _following_whole_messages(chance: random.Random, sends: int) -> Iterator[Visit]:
    agent = chance.choices(AGENTS, AGENT_WEIGHTS)[0]
    for contact in chance.sample(range(sends), sends // 100):
        at_s = delivered_s(chance, contact) + chance.uniform(0.5, 1.5)
        for link in range(LINKS):
            yield _visit("whole", contact, link, at_s + link * chance.uniform(0.1, 1.0), agent, is_scanner=True)


def _beside_people(chance: random.Random, sends: int) -> Iterator[Visit]:
    agent = f"gateway-{chance.randrange(10)}"
    for contact in sorted(chance.sample(range(sends), sends // 200)):
        at_s = delivered_s(chance, contact) + chance.uniform(1, 3)
        yield _visit("company-0", contact, 0, at_s, agent, is_scanner=True)


def _changing_agents(chance: random.Random, sends: int) -> Iterator[Visit]:
    first = chance.randrange(sends // 2)
    at_s = chance.uniform(60, 7200)
    for contact in range(first, min(first + 200, sends)):
        at_s += chance.uniform(0.8, 1.2)
        yield _visit("changing", contact, 0, at_s, chance.choice(AGENTS), is_scanner=True)


def delivered_s(chance: random.Random, contact: int) -> float:
    return contact / SENT_A_SECOND + chance.uniform(0.5, 3)


def _visit(network: str, contact: int, link: int, at_s: float, agent: str, *, is_scanner: bool = False) -> Visit:
    return Visit(network, Tap(int(at_s * 1000), contact * LINKS + link, f"c-{contact}", agent), is_scanner)


class Outcome(NamedTuple):
    scanner_visits: int = 0
    found: int = 0
    human_visits: int = 0
    misjudged: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":  # type: ignore[override]
        return Outcome(*(one + another for one, another in zip(self, other, strict=True)))

    def __str__(self) -> str:
        recall, misjudged = self.found / self.scanner_visits, self.misjudged / self.human_visits
        return f"{recall:8.2%} of {self.scanner_visits} visits of scanners, {misjudged:8.3%} of {self.human_visits} people's"


Judge = Callable[[list[Tap], Sending], Collection[int]]


def outcome(judge: Judge, seed: int, sends: int, prefixes: int, *, with_history: bool = True) -> Outcome:
    """One broadcast; with_history: the shares of the networks are known from former broadcasts."""
    chance = random.Random(seed)
    visits = [*people(chance, sends, prefixes), *scanners(chance, sends)]
    by_network: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        by_network[visit.network].append(visit)
    humans = [visit for visit in visits if not visit.is_scanner]
    people_a_minute = max(_by_minute(humans).values())
    total = Outcome(scanner_visits=len(visits) - len(humans), human_visits=len(humans))
    for each in by_network.values():
        share = sum(not visit.is_scanner for visit in each) / len(humans) if with_history else 0.0
        judged = judge([visit.tap for visit in each], Sending(0, LINKS, people_a_minute, share))
        found = sum(each[index].is_scanner for index in judged)
        total += Outcome(found=found, misjudged=len(judged) - found)
    return total


def by_neighbours(taps: list[Tap], sending: Sending) -> Collection[int]:
    return reasons_of(taps, sending, scans_in(taps, sending))


def by_count_alone(contacts: int) -> Judge:
    """What rules of thumb say: a network that visits for so many contacts within a minute."""

    def judge(taps: list[Tap], sending: Sending) -> Collection[int]:
        minutes: defaultdict[int, set[str]] = defaultdict(set)
        for tap in taps:
            minutes[tap.at_ms // 60_000].add(tap.contact_id)
        return [index for index, tap in enumerate(taps) if len(minutes[tap.at_ms // 60_000]) >= contacts]

    return judge


def _by_minute(visits: list[Visit]) -> Counter[int]:
    return Counter(visit.tap.at_ms // 60_000 for visit in visits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sends", type=int, default=20_000)
    parser.add_argument("--prefixes", type=int, default=256, help="networks that the carriers' people share")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--no-history", action="store_true", help="of a first broadcast: no share is known")
    given = parser.parse_args()
    judges: dict[str, Judge] = {"visitors/scanners.py": by_neighbours}
    judges |= {f"{contacts} contacts a minute": by_count_alone(contacts) for contacts in (5, 10, 20)}
    for name, judge in judges.items():
        options = {"with_history": not given.no_history}
        total = Outcome()
        for seed in range(given.seeds):
            total += outcome(judge, seed, given.sends, given.prefixes, **options)
        print(f"{name:22} {total}")


if __name__ == "__main__":
    main()
