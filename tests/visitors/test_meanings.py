"""Every reason has a sentence that somebody who reads a report understands."""

import ast
from pathlib import Path

import pytest

import visitors
from visitors.agents import _RULES
from visitors.lists import LISTS
from visitors.meanings import MEANINGS, NO_REASON, meaning_of
from visitors.neighbours import NEIGHBOUR_REASONS

pytestmark = pytest.mark.pure
CLASSIFY = Path(visitors.__file__).with_name("classify.py")


def reasons_in_verdicts():
    """The texts in the second argument of each Verdict(...) of classify.py, and what that module returns by name."""
    calls = [node for node in ast.walk(ast.parse(CLASSIFY.read_text())) if isinstance(node, ast.Call)]
    verdicts = [call for call in calls if getattr(call.func, "id", "") == "Verdict"]
    texts = [node for call in verdicts for node in ast.walk(call.args[1]) if isinstance(node, ast.Constant)]
    return {node.value for node in texts if isinstance(node.value, str)}


def test_every_reason_that_a_rule_can_give_has_a_sentence_and_no_sentence_is_left_over():
    known = {rule.reason for rule in _RULES} | {f"list-{machines.name}" for machines in LISTS}
    known |= {*NEIGHBOUR_REASONS, "own-verify"} | reasons_in_verdicts()

    assert {"network-hosting", "method-head", "agent-not-known"} <= known
    assert set(MEANINGS) == known


def test_a_sentence_is_a_sentence():
    for meaning in MEANINGS.values():
        assert meaning[0].isupper() or meaning.startswith("iMessage")
        assert meaning.endswith(".")


def test_a_reason_of_another_version_is_named():
    assert meaning_of("agent-of-old") == "A rule of another version decided: agent-of-old."
    assert meaning_of("") == NO_REASON
