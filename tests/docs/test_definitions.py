"""The footnotes of a printed report are the first sentences of docs/figures.md."""

import re
from pathlib import Path

import pytest

from control.reports.definitions import DEFINITIONS, NUMBERS

pytestmark = pytest.mark.pure
FIGURES = Path(__file__).parents[2] / "docs" / "figures.md"


def sections():
    """By heading, the text below it on one line."""
    parts = re.split(r"^### `([\w.]+)`$", FIGURES.read_text(), flags=re.M)
    return {name: " ".join(text.split()) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_definition_is_what_the_docs_begin_with(name):
    assert sections()[name].startswith(DEFINITIONS[name].text)


def test_definitions_are_numbered_in_their_order():
    assert list(NUMBERS.values()) == list(range(1, len(DEFINITIONS) + 1))
