"""How many machines are found and people misjudged on public collections of user agents, beside public lists alone.

    python -m loadtest.agents.table [--into .agents] [--missed COLLECTION]

Prints the tables of docs/classification.md. A visit here says its agent and nothing else: no header, no network.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from loadtest.agents.collections import COLLECTIONS, MACHINE, Agent, Collection, agents_of
from loadtest.agents.update import published
from visitors.classify import VisitClass, classify
from visitors.cut import MAX_AGENT_BYTES, cut
from visitors.evidence import Evidence
from visitors.lists import LISTS, Matcher

Judge = Callable[[str], bool]  # whether an agent is a machine's


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path(".agents"), help="where packages are unpacked")
    parser.add_argument(
        "--missed", default="", help="print what is judged wrong of this collection, never a held-out one"
    )
    arguments = parser.parse_args()
    arguments.into.mkdir(exist_ok=True)

    if arguments.missed:
        _print_missed(arguments.missed, arguments.into)
        return
    read = [(collection, agents_of(collection, arguments.into)) for collection in COLLECTIONS]
    _print_judges(read, judges(arguments.into))
    _print_kinds(read)


def judged(agent: str) -> VisitClass:
    agent = cut(agent, MAX_AGENT_BYTES)
    return classify(Evidence("GET", agent, "", "", "", "", 0, "")).visit_class


def is_no_person(agent: str) -> bool:
    return judged(agent) is not VisitClass.HUMAN


def judges(into: Path) -> dict[str, Judge]:
    """Ours, and each list alone as it is published."""
    lists = [published(each.source.split()[0], each.name, each.version, into) for each in LISTS]
    return {"taptrail": is_no_person} | {f"{each.name} alone": Matcher(each).fits for each in lists}


def _print_judges(read: list[tuple[Collection, list[Agent]]], judges: dict[str, Judge]) -> None:
    print("| collection | held out | judge | machines | found | people | misjudged | precision |")
    print("|---|---|---|---|---|---|---|---|")
    for collection, agents in read:
        for name, judge in judges.items():
            print(_line(collection, name, *_counts(agents, judge)))


def _counts(agents: Iterable[Agent], judge: Judge) -> tuple[int, int, int, int]:
    """Machines, those found, people, those misjudged."""
    machines = [judge(agent.text) for agent in agents if agent.truth == MACHINE]
    people = [judge(agent.text) for agent in agents if agent.truth != MACHINE]
    return len(machines), sum(machines), len(people), sum(people)


def _line(collection: Collection, judge: str, machines: int, found: int, people: int, misjudged: int) -> str:
    held_out = "yes" if collection.held_out else "no"
    precision = _share(found, found + misjudged) if machines and people else "-"
    return (
        f"| {collection.name} | {held_out} | {judge} | {machines:,} | {_share(found, machines)}"
        f" | {people:,} | {_share(misjudged, people)} | {precision} |"
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"


def _print_kinds(read: list[tuple[Collection, list[Agent]]]) -> None:
    names = [each.value for each in VisitClass if each is not VisitClass.PREFETCH]
    print("\n| collection | kind | agents | found |", *(f"{name} |" for name in names))
    print("|---" * (len(names) + 4) + "|")
    for collection, agents in read:
        for kind in sorted({agent.kind for agent in agents if agent.truth == MACHINE and agent.kind}):
            classes = [judged(agent.text) for agent in agents if agent.kind == kind]
            found = sum(each is not VisitClass.HUMAN for each in classes)
            counts = " | ".join(str(classes.count(VisitClass(name))) for name in names)
            print(f"| {collection.name} | {kind} | {len(classes)} | {_share(found, len(classes))} | {counts} |")


def _print_missed(name: str, into: Path) -> None:
    (collection,) = (each for each in COLLECTIONS if each.name == name)
    if collection.held_out:
        raise SystemExit(f"{name} is held out: rules that were written for it could not be tested by it")
    for agent in agents_of(collection, into):
        if is_no_person(agent.text) != (agent.truth == MACHINE):
            print(agent.truth, agent.kind, agent.text, sep="\t")


if __name__ == "__main__":
    main()
