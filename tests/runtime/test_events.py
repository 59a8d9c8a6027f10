"""Every line that our code logs names an event, and the runbook speaks of events that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("edge", "aggregator", "control", "routing", "visitors", "accounting", "contacts", "runtime", "stack", "cli")
LOGGED = {f"log.{level}" for level in ("debug", "info", "warning", "error", "exception")}
_EVENT = re.compile(r"([a-z]+(?:_[a-z]+)*): \S.*", re.DOTALL)


def calls() -> Iterator[tuple[str, ast.expr]]:
    """(where, first argument) of each call of a logger."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in LOGGED:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]


def message_of(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if isinstance(argument, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "..." for part in argument.values)
    return ""


def events() -> set[str]:
    return {match[1] for _, argument in calls() if (match := _EVENT.fullmatch(message_of(argument)))}


def test_every_message_is_an_event_and_a_sentence():
    nameless = [where for where, argument in calls() if not _EVENT.fullmatch(message_of(argument))]

    assert nameless == []
    assert len(events()) > 30


def test_the_runbook_names_only_events_that_are_logged():
    runbook = (ROOT / "docs/runbook.md").read_text()
    named = set(re.findall(r"(?:events? |log for |has |logs |log: |see )`([a-z]+(?:_[a-z]+)+)`", runbook))
    named |= set(re.findall(r"`([a-z]+(?:_[a-z]+)+)` in (?:the|an) [a-z\']*\s?logs?", runbook))

    assert len(named) > 8
    assert {name for name in named if not name.startswith("taptrail_")} - events() == set()
