"""NOTICE names all data of others that is carried, with the version and what its licence asks for."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure
ROOT = Path(__file__).parents[2]
NOTICE = (ROOT / "NOTICE").read_text()
DATA = ROOT / "visitors/data"
OF_OUR_OWN = {"browser_words.txt"}


def test_every_file_of_data_is_named():
    carried = {path.name for path in DATA.iterdir()} - OF_OUR_OWN

    assert {name for name in carried if f"visitors/data/{name}:" in NOTICE} == carried


def test_every_source_is_named_with_its_version():
    lists = json.loads((DATA / "machine_agents.json").read_text())
    sources = [*lists, json.loads((DATA / "networks.json").read_text())]

    for source in sources:
        assert f"{source['source'].rpartition(' ')[2]} {source['version']}" in NOTICE
    assert {source["licence"] for source in sources} == {"Unlicense", "MIT", "CC-BY-4.0"}


def test_the_wheel_and_the_image_carry_it():
    assert 'license-files = ["LICENSE", "NOTICE"]' in (ROOT / "pyproject.toml").read_text()
    assert "\n!NOTICE\n" in (ROOT / ".dockerignore").read_text()
