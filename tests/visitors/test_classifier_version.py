"""A change of the rules or lists that judge a visit raises CLASSIFIER_VERSION: history is judged again by it."""

import ast
import hashlib
import io
import tokenize
from importlib.util import find_spec
from pathlib import Path

import pytest

from visitors.classify import CLASSIFIER_VERSION

pytestmark = pytest.mark.pure
DIGESTS = Path(__file__).with_name("classifier_digests.txt")
DATA = ("browser_words.txt", "machine_agents.json", "networks.json")
NO_RULES = {"visitors.place"}  # what a network is, in words that rules ask for


def test_rules_and_lists_are_those_of_their_version():
    judged = [line.split() for line in DIGESTS.read_text().splitlines()]
    versions = [int(version) for version, _ in judged]

    assert versions == sorted(set(versions)), "a version has one line, the newest last"
    assert judged[-1] == [str(CLASSIFIER_VERSION), digest()], (
        "rules or lists that judge visits are no longer those of CLASSIFIER_VERSION: raise it in visitors/classify.py"
        f" and append to {DIGESTS.name}: {max(versions) + 1} {digest()}."
        " Where no visit gets another verdict or reason by the change, put the digest in place of the last one."
    )


def test_the_digest_changes_with_a_rule_and_not_with_a_comment():
    source = 'def rule():\n    """Says."""\n    return "#1"  # why\n'

    assert essence(source) == essence('def rule():\n    """Says more."""\n    # why\n    return "#1"\n')
    assert essence(source) != essence(source.replace("#1", "#2"))


def digest():
    """Of all that a verdict comes from: our modules that classify.py imports, and the data they read."""
    found = hashlib.sha256()
    for name in sorted(modules_of("visitors.classify", set())):
        source = Path(find_spec(name).origin).read_text()
        found.update(essence(source.replace(f"CLASSIFIER_VERSION = {CLASSIFIER_VERSION}\n", "")).encode())
    for name in DATA:
        found.update((Path(find_spec("visitors").origin).parent / "data" / name).read_bytes())
    return found.hexdigest()


def modules_of(name, known):
    """The module and all of visitors/ that it imports."""
    if name in known | NO_RULES or not name.startswith("visitors."):
        return known
    known.add(name)
    for node in ast.walk(ast.parse(Path(find_spec(name).origin).read_text())):
        if isinstance(node, ast.ImportFrom):
            modules_of(node.module, known)
        if isinstance(node, ast.Import):
            for one in node.names:
                modules_of(one.name, known)
    return known


def essence(source):
    """The source without docstrings, comments and spaces."""
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + "\n"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = ["\n"] * (node.end_lineno - node.lineno + 1)
    return "".join("".join(lines).split())
